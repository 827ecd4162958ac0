import sys

from app.bootstrap import main

raise SystemExit(main(sys.argv[1:]))

"""The bundled person detector: its data, its training by ultralytics, its measurement."""

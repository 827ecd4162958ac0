"""One file for each change of the tables. What has been released is never edited."""

"""One module a step; never edited once it is published."""

"""What answers over HTTP. Importing this needs nothing; the pages need `pip install 'skingpt-r1[serve]'`."""

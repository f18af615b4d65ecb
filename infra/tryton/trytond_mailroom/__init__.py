"""A Tryton module: correspondence and activities on parties and opportunities, each under a key of its own."""

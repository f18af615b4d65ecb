"""The directory: CRMs' records and the people of accounts' address books."""

"""People and companies as CRMs and address books know them."""

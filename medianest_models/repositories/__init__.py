"""Every operation on the database: one module of functions a domain, each right when many workers call it at once."""

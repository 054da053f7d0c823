"""Every operation on the database: one module of functions a domain, each right when many workers call it at once.

This holds for all of them. An argument that can't be right is an `InvalidInputError` that names it, before anything is
changed: an id that is no UUID, a text that is empty, too long or can't be stored, an instant without a time zone, a
member of another enum, a document that is not JSON. So are a list's `params` that ask for no page or no such order;
without `params` a list is its first page, the newest first. It is of models, or of `schema`: a class of
`medianest_models.schemas`, or one of yours that fits the model, which becomes JSON. An unknown user's is empty. Ids may
be texts. What else goes wrong is one of `medianest_models.errors` too, and never the driver's.
"""

"""Planning the cuts of calls on other machines: a Dask cluster hears them, and learns nothing of the store."""

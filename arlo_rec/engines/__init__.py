"""The engines that a store may use beyond this machine: S3, PostgreSQL, OpenBao, Dask; a folder each."""

"""Training copies: how they are built, kept, worked off and evaluated. Their life stands in `pseudonymise`."""

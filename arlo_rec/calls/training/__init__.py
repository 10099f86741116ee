"""Training copies: plan, cut, seal, process as a backlog, and evaluate; their life: `pseudonymise`."""

"""How training copies are planned, cut, sealed, processed as a backlog and evaluated; their life: `pseudonymise`."""

"""Which sources does the policy in force prefer? A reader by SQL cannot ask the policy itself."""

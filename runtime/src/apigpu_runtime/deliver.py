"""From a finished file to the store that the job names."""

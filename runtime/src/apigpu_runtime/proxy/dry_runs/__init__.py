"""Looking ahead: plans and previews, without a GPU."""

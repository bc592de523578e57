"""What is trained: errors on published sets, recipes, uncertainties, learning loops."""

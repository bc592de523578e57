"""What is validated: engines beside each other, conservation, and what simulations tell."""

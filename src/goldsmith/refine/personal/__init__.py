"""Personal data in running text: find it, take it out or give it another name."""

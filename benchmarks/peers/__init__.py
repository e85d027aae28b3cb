"""Other people's software, measured in the same run, each in a process of its own."""

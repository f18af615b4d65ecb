"""The command `mailroom`: what operators and those who answer for mail ask most, in words, by one short command each."""

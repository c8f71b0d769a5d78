"""The loop IR: its statements, how graphs become them, and its passes."""

"""Revenue: who stays after a haircut, and what that keeps of the fees to come."""

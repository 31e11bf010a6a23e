"""Draining leverage: closings that leave the least expected shortfall, in one market and in many (MODEL 4)."""

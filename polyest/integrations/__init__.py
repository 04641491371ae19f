"""Trainers, a short file each: nothing else in polyest knows their names."""

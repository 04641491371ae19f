"""Rewards of whole groups for hooks of trainers: the public path of what the files of trainers hold."""

from polyest.integrations.group_reward import GroupReward as GroupReward

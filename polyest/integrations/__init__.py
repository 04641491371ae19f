"""A file or a folder a trainer, of its name: nothing else in polyest knows trainers.

What trainers share: messages and reader (completions -> ids of answers), scores (an answer as a number),
group_reward (texts of a group -> rewards), estimators (answers of a batch -> advantages).  groups is the
public path of the hooks.
"""

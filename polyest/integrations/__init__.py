"""A file or a folder a trainer, of its name: nothing else in polyest knows trainers.

They share messages and reader (completions -> ids of answers), scores (an answer as a number), group_reward
(texts of a group -> rewards) and estimators (answers of a batch -> advantages).  Which rewards there are,
and their options, they take from polyest/rewards/registry.py.  `groups` is the public path of the hooks.
verl_sampler.py is beside verl.py because it imports verl's trainer; swift.py has TRL's rewards in the shape
of ms-swift.
"""

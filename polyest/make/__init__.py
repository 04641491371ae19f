"""From keywords to a proved table and to files of them; the only room that sees solvers and proof."""

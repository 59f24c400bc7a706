"""From pictures and a stage-1 model to the data of stage 2: describe, repair, rules, a person."""

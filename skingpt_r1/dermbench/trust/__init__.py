"""Can one trust it: confidence, prediction sets, abstention, scope, faithfulness, robustness, each measured."""

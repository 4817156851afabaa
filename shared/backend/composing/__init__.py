"""From what is remembered to what a model reads: prompts, summaries, answers."""

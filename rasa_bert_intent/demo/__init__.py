"""The page of `rasa-bert-intent demo`: a chat, what the classifier thinks of it, lists, reports and corrections.

`page.py` and the tabs beside it are all that imports Gradio. Which model answers is up to `backends.py`.
"""

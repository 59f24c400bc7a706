"""The web demo: a page to talk about pictures, on the same engine as the server.

talk.py         a conversation as data: turns, pictures, answers
asking.py       one question on its way to every model; a visitor of the page
abilities.py    the paper's abilities as one-click prompts
examples.py     pictures of the drawn world that the model describes truly
safe_html.py    model text as text; pages in a sandboxed frame
transcript.py   a conversation as HTML
page.py         the gradio page
app.py          the web application around it, closed to the outside
"""

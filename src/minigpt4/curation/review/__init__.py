"""A page on which people judge what models wrote: drafts of descriptions, or answers to requests.

The core knows neither drafts nor answers. A *pile* (`desk.Pile`) says which items there are, how
one looks (`form.Card`), what may be decided (`form.Form`) and where a judgement goes; the *desk*
hands items out, so that several persons never hold the same one, and keeps judgements, each in one
transaction; `app` and `server` show it in a browser. Two piles exist:

    drafts.DraftPile          the drafts of a curation        minigpt4 curate review DIR
    questions.QuestionFile    answers of unnamed models       minigpt4 curate judge FILE

An evaluation that wants people as judges writes its answers into a SQLite file, lets people judge,
and reads what they said. Neither key nor model is ever sent to the browser:

    from minigpt4.curation.review.questions import PersonQuestion, QuestionFile, write_questions

    answers = [PersonQuestion(key=..., picture=..., request=..., answer=...), ...]
    write_questions("people.sqlite", answers, persons=2)     # again with more answers: adds them
    # people open the page: minigpt4 curate judge people.sqlite
    with QuestionFile("people.sqlite") as file:
        file.verdicts()        # [PersonVerdict(key, person, decision, ...)]
        file.agreement()       # Cohen's kappa over what several judged

`questions.QUESTION_FORM` asks "fulfilled or not"; another `Form` may be given, with other
decisions or with reasons to choose from. `agreement.cohens_kappa` serves any two judges.
"""

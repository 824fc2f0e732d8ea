"""The engine in a process of its own: a screen asks it questions and never waits.

Headless: nothing here knows of a screen, and the side that asks (``client``, ``messages``,
``questions``) imports neither Arrow nor the engine.

    questions/   what can be asked, and what is answered: plain data, one file a family
    answers/     how the engine process answers, one file a family, named as its questions
    messages     what goes through the pipe
    client       the asking side: starts the process, matches answers, notices a crash, restarts
    process      the engine process: reads questions, runs them in lanes
    lanes        a thread for each lane; a newer question of a kind ends the older one
    desk         what the process holds: session, capture, rules, alerts
    index/       any event of a capture by its row, without those before it
"""

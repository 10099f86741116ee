"""What is said in a call: words and their times, which of them identify somebody, and the stretches that have to go.

    words        what every reader and every engine gives      transcripts  reading what companies already have
    gathering, whispers, clouds, captions, containers          the forms that are read, and what is common to them
    engine, onnxnames   what hears, what names people          whisper, labelling  the processes that do
    process, serving    both ends of such a process            nonetwork    what it gave up
    resampling   a channel at the engine's rate                passes       as it is, and with names as hints
    fitting      whether words belong to a sound, and when     tokens       words as detectors look at them
    numbers, checks   digits, codes, spelled words             contact      e-mail, streets, dates of birth
    names, namelists, tagger, cues   names of people           phonetic     names that are known, by their sound
    answers      what follows a question                       harmless, lexicon  words that say nothing; of numbers
    identify     all of it over all channels                   planning     from what was heard to what is cut

It decides nothing about who may do what, and touches no store.
"""

"""Words of a call: read or recognise them, find which identify a person, and plan which spans to cut.

    words         words with times, as every reader and engine returns them, and the tokens of detectors
    turns         who speaks when, on a track of several speakers
    cut_list      cuts, and lists of cuts made by people
    transcript_   the transcripts that companies have: reading recognises the form, forms reads it, builder validates
    engine        recognise words in a child process: the parent's side; whisper is the child, engine_process its
                  protocol and its confinement
    detectors/    find identifiers: numerals, numbers; contact; names, tagger; phonetic; secrets; circumstances; word
                  lists in lexicon, cues, word_lists; identifiers runs all of them; network scores words by their
                  context; weighing combines both
    alignment     words on the speech of the sound
    planner       makes the cuts

It knows words and sound. It does not decide who may do what, and touches no store.
"""

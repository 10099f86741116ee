"""Words of a call: read or recognise them, find which identify somebody, and plan which spans to cut.

    words         words with times, as every reader and engine returns them
    cut_list      cuts, and lists of cuts made by people
    transcripts/  read the transcripts that companies have
                  reading recognises the form; captions, cloud_services, containers, local_engines; builder validates
    engines/      recognise words in a child process
                  engine is the parent's side, whisper the child; process and serving are the protocol, no_network the
                  confinement; resampling, passes
    detectors/    find identifiers
                  tokens; numbers, check_digits; contact; names, name_lists, tagger, cues; phonetic; answers; lexicon,
                  harmless; identifiers runs all of them; word_features, network: what the context says; weighing puts
                  both together
    planning/     alignment of words with speech; planner makes the cuts

It knows words and sound. It does not decide who may do what, and touches no store.
"""

"""What is said in a call: words and their times, which of them identify somebody, and the stretches that have to go.

    words         what every reader and every engine gives         transcripts   reading what companies already have
"""

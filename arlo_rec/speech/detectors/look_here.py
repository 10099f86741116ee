"""Words that may identify somebody without a name: work, school, health, office, family, the news, a neighbour.

They are shown to a reviewer and cut by nobody: most of them are harmless, and only who hears the call can tell. The
words are of five languages (nb, nn, sv, da, en), chosen by hand: whole ones, and beginnings, since inflections add to
the end. What callers of an alarm company say all day (fire, burglary, police, cabin) is left out. Data protection law
calls such details identifying too (GDPR 4(1), 4(5)).
"""

from __future__ import annotations

import unicodedata
from typing import Final

from arlo_rec.speech.detectors.lexicon import split_words

_AROUND: Final = " \t\n.,;:?!…\"'“”„«»()[]{}<>*_¿¡-–—"
_WHOLE: Final = split_words(
    "accident blind dead død døde eks elev elever enka enke enken ex ill kirka lege nav parti partiet prest "
    "sick sjuk syk syke tvilling twin twins union"
)
_BEGINNINGS: Final = tuple(
    sorted(
        split_words(
            "arbeidsgiv arbeidsplass arbetsgiv arbetsplats arbejdsgiv arbejdsplads bedriften boss butikk colleague "
            "employ firmaet kolleg oppsagt pensjon permitter retire sjefen uføre unemployed workplace "
            "barnehage barneskole förskol gymnas høgskol høyskol kindergarten lærer lärar nursery pupil rektor school "
            "skole skola student teacher universitet university ungdomsskole "
            "alkohol angst autis cancer demens depresj diabetes diagnos doctor epilep funksjonshem gravid handicap "
            "handikap hjerteinfarkt hospital hørsel infarkt kreft legen legevakt läkar læge medicin medisin nurse "
            "operasj operert pregnan psyk rehab rullestol selvmord sjukdom sjukhus surgery sykdom sykehjem sykehus "
            "sykemeld sykepleier terapi therap wheelchair "
            "advokat church imam kirken kyrkje lawyer mayor menighet minister moske ordfør parliament politiker prost "
            "stortinget styreleder synagog fagforening vicar "
            "adopt barnevern begravels divorc dødsfall ekskone eksmann fosterbarn funeral samlivsbrudd separert "
            "skilsmiss widow "
            "assault avisa avisen fengsel headline newspaper nyhetene overfall prison robbed rettssak tiltalt "
            "trafikkulykke ulykke voldtekt "
            "borettslag granne nabo neighbor neighbour"
        )
    )
)


def looks_identifying(text: str) -> bool:
    """Whether a word, as a transcript writes it, may identify somebody without a name."""
    word = unicodedata.normalize("NFC", text).strip(_AROUND).casefold()
    return word in _WHOLE or word.startswith(_BEGINNINGS)

"""Words in the roles of a film that are no names, and names that are words."""

from __future__ import annotations

_IN_FRONT_OR_WITHIN = """
dr mr mrs ms miss sir lady lord dame captain capt colonel col general gen major sergeant sgt
lieutenant lt commander private detective inspector professor prof president senator judge agent
officer king queen prince princess father mother sister brother uncle aunt saint st jr sr ii iii iv
the of and de la le el da di du del della der den van von bin ibn al y
"""
_DESCRIBING = """
actor additional anchor announcer archive assistant attendant baby barman bartender boss boy
boyfriend bystander caller cashier child clerk cook cop crowd customer dad dancer daughter doctor
driver extra female fighter first footage friend girl girlfriend guard guest guy herself himself
host hostess husband interviewer kid lawyer maid male man manager member men mom mum musician
narrator neighbor neighbour nurse old owner passenger patient patron person pilot police policeman
presenter reporter robber second secretary security self singer soldier son student teacher teenager
themselves third thug townsperson uncredited various victim villager voice voices waiter waitress
wife woman women worker young
"""
_WORDS_TOO = """
amber angel april archer art ash august autumn baker banks bell berry bill bird bishop black bloom
bob book bond booth bow bright brook brooks brown buck burns bush butcher butler carpenter carter
cash castle chance chase chip christian christmas church clay cook cooper cross dawn day dean drew
duke early earl east easter eve faith farmer field fields fisher flora ford forest foster fox frank
french frost gene glass gold grace grant graves gray green grey hall hand hardy harper hazel heath
heather hill holly hood hook hope horn house hunt hunter iris ivy jack jade jasmine joy june justice
key king knight lake lamb lance land lane law lily little long love luck major mark marsh mason may
meadows melody mercy mercury miles mill miller moon moore nick noble north olive opal page park
parks pat patience peace pearl peg penny pepper piper pierce pike pitt pope porter potter powers
price prudence ray reed rich rivers rob robin rock rod rose ruby rush rusty sage sandy savage sharp
shepherd short silver singer skinner skip sky small smith snow sonny south spring star steel stone
storm stout strange street strong sue summer summers sunny swan swift tailor temple trinity turner
victor violet wade walker wall waters weaver weeks wells west wheeler white wild will willow winter
winters wise wolf wood woods wright young
"""

HONORIFICS = frozenset(_IN_FRONT_OR_WITHIN.split())
"""In front of a name or within it."""

DESCRIPTIONS = frozenset(_DESCRIBING.split())
"""In a role that is described and not named: film databases write both in capitals."""

WORDS_TOO = frozenset(_WORDS_TOO.split())
"""Names that a translation cannot leave alone, because then the word would stay, too."""

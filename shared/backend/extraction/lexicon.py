"""Words of English that the rules go by: closed classes whole, and the forms of common verbs.

The verbs are the frequent ones of everyday speech; an unknown verb only makes a sentence one that no rule takes apart.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _forms(text: str) -> dict[str, list[str]]:
    verbs = (each.split() for each in text.split(","))
    return {verb: forms for verb, *forms in verbs}


SUBJECT_PRONOUNS = _words(
    """
    everyone he i it nobody she that these they this those we you
    """
)
THIRD_SINGULAR = _words(
    """
    everyone he it nobody she that this
    """
)
DETERMINERS = _words(
    """
    a all an another any both each every her his its many most my no one our some that the their these this those three
    two your
    """
)
PREPOSITIONS = _words(
    """
    about across after along around as at before between by down during every for from in into near of off on out over
    since through to under until up with without
    """
)
ADVERBS = _words(
    """
    absolutely actually already also always currently definitely early even finally generally honestly just later mainly
    mostly never normally now occasionally often only rarely really recently regularly simply sometimes soon still too
    totally truly typically usually very
    """
)
BE = _words(
    """
    am are is was were
    """
)
MODALS = _words(
    """
    can cannot could may might must shall should will would
    """
)
AUXILIARIES = BE | MODALS | _words("have has had do does did")
SUBORDINATORS = _words(
    """
    after although as because before if once though unless until when whenever whereas while
    """
)
OBJECT_PRONOUNS = _words(
    """
    everything her him it me myself nothing ourselves something them us you
    """
)
REPORTING = _words(
    """
    admit announce argue believe claim deny explain guess hear hint hope insist mention promise report say state suggest
    tell think warn wish write
    """
)
"""Verbs with which one tells what somebody else says or thinks."""

_IRREGULAR = _forms(
    """
    be was been being, become became become, begin began begun, bite bit bitten, break broke broken, bring brought, build
    built, buy bought, catch caught, choose chose chosen, come came come, cost cost, cut cut, deal dealt, do did done,
    draw drew drawn, drink drank drunk, drive drove driven, eat ate eaten, fall fell fallen, feed fed, feel felt, fight
    fought, find found, fly flew flown, forget forgot forgotten, forgive forgave forgiven, get got gotten, give gave
    given, go went gone, grow grew grown, hang hung, have had, hear heard, hide hid hidden, hit hit, hold held, hurt hurt,
    keep kept, know knew known, lead led, learn learnt, leave left, lend lent, let let, lie lay lain, lose lost, make
    made, mean meant, meet met, pay paid, put put, quit quit, read read, ride rode ridden, rise rose risen, run ran run,
    say said, see saw seen, sell sold, send sent, set set, shoot shot, show showed shown, sing sang sung, sit sat, sleep
    slept, speak spoke spoken, spend spent, stand stood, steal stole stolen, swim swam swum, take took taken, teach
    taught, tear tore torn, tell told, think thought, throw threw thrown, understand understood, wake woke woken, wear
    wore worn, win won, write wrote written
    """
)
"""Each with its past, and its participle where that is another."""

_REGULAR = _words(
    """
    accept achieve add admire adopt adore agree allow announce answer apply argue arrange arrive ask attend avoid bake
    bark believe belong book borrow call camp cancel care carry celebrate change check claim clean climb close code
    collect commute complete connect consider contact contain continue cook count cover create cross cycle dance decide
    decorate delay deliver depend deploy deserve design detest develop die discover discuss dislike divorce donate dream
    drop earn emigrate employ end enjoy enter escape exercise expect experience explain explore face fail favor favour
    fear finish fish fix follow garden gather graduate handle happen hate help hike hire hope host identify ignore imagine
    immigrate improve include inherit insist inspire install intend introduce invest invite jog join joke juggle jump kick
    kiss knit last laugh launch learn like listen live loathe look love maintain manage marry mention merge miss mix move
    name need nickname notice offer open order organise organize own paint park participate pass perform phone pick plan
    plant play plead point practice practise pray prefer prepare print produce promise protect publish push raise reach
    realise realize receive recommend record recover reduce refuse relax release relocate rely remember remind remove rent
    repair repeat replace reply report require reside respect rest retire return review sail save schedule seem serve
    settle share ship shop shout sign skate ski smell smile smoke solve sound speed start state stay stop struggle study
    suffer suggest suit support surf survive switch talk taste tend test thank tour train translate travel treat trust try
    turn type upgrade use vary visit volunteer wait walk want warn wash watch water weigh welcome wish wonder work worry
    """
)
_DOUBLED = _words(
    """
    admit commit drop jog knit permit plan prefer refer ship shop stop
    """
)
"""Their last letter is doubled before an ending."""

_VOWELS = "aeiou"


def _third(verb: str) -> str:
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")


def _past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return verb[:-1] + "ied"
    return verb + (verb[-1] if verb in _DOUBLED else "") + "ed"


BASE = _REGULAR | _IRREGULAR.keys() - {"be"}
THIRD = frozenset(_third(verb) for verb in BASE - {"have"}) | {"has"}
BASE_OF_THIRD = {_third(verb): verb for verb in BASE - {"have"}} | {"has": "have"}
PAST = frozenset(_past(verb) for verb in _REGULAR) | {forms[0] for forms in _IRREGULAR.values()} | {"were"}
FINITE = BASE | THIRD | PAST | AUXILIARIES
PAST_ONLY = PAST - BASE
PARTICIPLES = frozenset(_past(verb) for verb in _REGULAR) | {forms[-1] for forms in _IRREGULAR.values()} - {"being"} | {"been"}
BASE_OF = {form: verb for verb, forms in _IRREGULAR.items() for form in forms}
"""By an irregular form its verb: a stemmer tells "met" and "meet" apart."""
"""Forms that are the past and nothing else: not `put`, `read`, `cut`."""

REPORTS = (
    REPORTING
    | {_third(verb) for verb in REPORTING}
    | {_past(verb) for verb in REPORTING}
    | _words("said told thought wrote heard")
)

EMOTIONS = _words(
    """
    afraid angry annoyed anxious ashamed bored burned burnt content delighted depressed devastated disappointed
    embarrassed excited exhausted frustrated furious glad grateful guilty happy heartbroken homesick hopeful insecure
    jealous joyful lonely miserable nervous optimistic overwhelmed pessimistic proud relieved sad scared stressed
    terrified thankful thrilled upset worried
    """
)
EVALUATIONS = _words(
    """
    adorable amazing awesome awful bad beautiful brilliant cool crazy cute excellent exciting fair fantastic fine fun
    funny good great hilarious impressive incredible inspiring interesting lovely neat nice perfect right rough sad super
    sweet terrible tough true wild wonderful
    """
)
STATES = _words(
    """
    asleep available away awake back better busy cheap clean closed dangerous dead difficult dirty drunk early easy empty
    expensive far fast free full gone hard healthy hot ill important late loose lost missing near new off ok old on online
    open out over pregnant private ready remote rich right safe same secret sick slow small strict strong there ugly
    unknown warm weird well wet worse worst wrong young
    """
)
"""What something is for a while, or is found to be: never what it is called."""

DEMONYMS = _words(
    """
    african albanian algerian american angolan arab argentinian armenian asian australian austrian bavarian belgian
    bolivian bosnian brazilian bulgarian cambodian canadian catalan catholic chilean colombian corsican croatian cuban
    cypriot czech dominican dutch ecuadorian egyptian estonian ethiopian european filipino flemish french georgian german
    ghanaian greek haitian hawaiian hungarian icelandic indian indonesian iranian iraqi israeli italian jamaican jewish
    jordanian kenyan korean kurdish kuwaiti latvian libyan lithuanian macedonian malaysian mexican moldovan mongolian
    moroccan mozambican muslim nigerian norwegian orthodox pakistani palestinian panamanian paraguayan peruvian protestant
    romanian russian rwandan saudi scottish serbian sicilian singaporean slovak slovenian somali swiss syrian thai tibetan
    tunisian ukrainian uruguayan uzbek venezuelan welsh yemeni zambian buddhist hindu republican democrat
    ceo cfo cto coo vp hr awol ok
    """
)
"""With a capital, and no name: where somebody comes from, what they believe, what their post is."""

KIN = _words(
    """
    aunt baby boy boyfriend brother cat child cousin dad daddy daughter dog father fiance fiancee girl girlfriend granddad
    granddaughter grandfather grandma grandmother grandpa grandson granny horse husband kid mom mother mum nephew niece
    parrot pony puppy rabbit sister son stepdaughter stepson tortoise twin uncle wife
    """
)
"""Whose number is their age: "my son is nine"."""

SMALL_TALK = _words(
    """
    absolutely ack afternoon agreed ah alright anytime awesome bye certainly cheers ciao congrats congratulations cool
    correct definitely evening exactly goodbye goodnight got gotcha great haha hahaha hello hey hi hiya hm hmm howdy
    indeed k later likewise lmao lol morning nah nice night no nope noted np oh ok okay omg perfect please roger sorry
    sure thank thanks thx totally ty ugh understood welcome wow yay yeah yep yes yo yup
    """
)
"""What greetings, thanks and answers are made of."""

FILLERS = _words(
    """
    a again all amazing and appreciate are at back bad be care course day do enough everyone fair for friend from fun go
    good great have hear help here how i in is it let lot lovely makes me meet more much my nice no not now of on one
    problem really rest same see sense so soon sounds take talk that the then there this to today tomorrow too us very
    weekend well what will with wonderful worries you your
    """
)
"""What may stand beside it without saying more."""

SYSTEMS = _words(
    """
    api app bot browser build button ci cluster connection database deploy deployment elevator endpoint gateway internet
    job lift link login machine network page pipeline printer queue script search server service site system test tests
    tool vpn website wi-fi wifi
    """
)
FAULTS = (
    "broken|(?<!ing )down|going down|offline|unavailable|slow|unresponsive|stuck|failing|crashing|buggy|frozen|unreachable"
    "|overloaded|flaky|out of order|timing out|not (?:working|responding|loading|available|reachable|starting)"
)

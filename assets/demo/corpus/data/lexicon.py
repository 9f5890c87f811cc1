"""Words, names and numbers of which conversations are made."""

from __future__ import annotations

NAMES = (
    "Alice Bob Carla David Emma Frank Grace Henry Ivy Jack Karen Leo Maria Nina Oscar Paula Quentin Rosa Sam "
    "Tina Uma Victor Wendy Xavier Yara Zoe Anna Ben Clara Daniel Elena Felix Gina Hugo Ines Jonas Kira Lars "
    "Mona Noah Olga Peter Rita Simon Thea Ulrich Vera Walter Yusuf Zara Ada Linus Grete Hans Ingrid Klaus Lena "
    "Max Moritz Otto Priya Ravi Sofia Tom Aisha Omar Fatima Chen Wei Kenji Yuki Sven Astrid Pierre Marie John "
    "Jane Mary Michael Sarah James Robert Linda Laura Paul Mark Julia Martin Eva Adam Lucy Oliver Amelia Liam "
    "Mia Ethan Chloe Mason Ella Logan Harper Lucas Aria Elijah Nora Jacob Hazel Aiden Violet Carter Stella Owen "
    "Ruby Caleb Isaac Leah Nathan Naomi"
).split()

CITIES: list[str] = [
    *(
        "Paris London Berlin Madrid Rome Vienna Zurich Geneva Oslo Stockholm Helsinki Copenhagen Dublin Lisbon "
        "Porto Milan Naples Venice Munich Hamburg Cologne Dresden Leipzig Prague Warsaw Krakow Budapest Athens "
        "Istanbul Ankara Cairo Nairobi Lagos Accra Tunis Casablanca Dubai Doha Tehran Delhi Mumbai Chennai Kolkata "
        "Bangkok Hanoi Jakarta Manila Tokyo Osaka Kyoto Seoul Beijing Shanghai Taipei Sydney Melbourne Perth "
        "Auckland Honolulu Seattle Portland Denver Dallas Houston Austin Chicago Boston Toronto Montreal Vancouver "
        "Havana Lima Quito Bogota Santiago Montevideo Brussels Antwerp Amsterdam Rotterdam Lyon Nice Marseille "
        "Bordeaux Seville Valencia Turin Basel Bern Graz Riga"
    ).split(),
    "New York",
    "San Francisco",
    "Los Angeles",
    "Hong Kong",
    "Cape Town",
    "Buenos Aires",
    "Mexico City",
    "SF",
    "NYC",
]

COLOURS = "red blue green yellow orange purple pink brown black white grey gold silver turquoise violet teal".split()

ANIMALS = (
    "cat dog horse cow sheep goat pig duck goose hen rabbit mouse rat fox wolf bear lion tiger zebra giraffe "
    "elephant monkey camel whale shark dolphin seal penguin owl eagle crow parrot snake lizard frog turtle "
    "snail bee ant spider dragon robot knight wizard pirate princess king queen"
).split()

NOUNS = (
    "report invoice order ticket customer product price stock weather forecast calendar event meeting note task "
    "reminder alarm timer message email contact file folder document table record user account balance payment "
    "transaction currency rate map route distance address city country population flight hotel room booking "
    "reservation train bus song playlist album movie book author recipe ingredient restaurant menu game score "
    "team player match news article page website link image photo video sound light lamp door window lock "
    "camera sensor temperature humidity pressure battery engine server database query process job queue log "
    "metric chart budget salary employee project branch commit release version issue bug test build package "
    "license key token password session device phone printer screen keyboard garden plant flower tree river "
    "mountain lake island planet star moon galaxy particle molecule sample formula equation number word "
    "sentence paragraph language dictionary definition synonym rhyme poem story joke quote riddle puzzle dice "
    "coin card colour shape size weight height length width depth speed time date week month year holiday "
    "birthday age horoscope exchange tax fee discount coupon gift shipment parcel warehouse inventory supplier "
    "contract policy claim patient doctor appointment medicine dose symptom disease exercise diet calorie "
    "vitamin"
).split()

VERBS = (
    "get find fetch look_up search read show check compute calculate create make add delete remove update set "
    "start stop open close send book order cancel convert translate list count measure lock unlock print play "
    "pause sort merge split rename copy move archive rate score rank validate format encode decode generate "
    "analyze plan schedule track"
).split()

ADJECTIVES = (
    "small large old new quick slow friendly formal short long clear strange simple useful polite honest quiet "
    "loud bright dark cold warm fresh dry early late public private local remote internal external daily weekly "
    "first last open closed"
).split()

COUNTRIES = (
    "Brazil Chad Peru Chile Kenya Ghana Nepal Mongolia Norway Sweden Finland Poland Greece Turkey Egypt Morocco "
    "India China Vietnam Thailand Canada Mexico Cuba Iceland Ireland Hungary Romania Serbia Albania Nigeria "
    "Fiji Samoa Iran Iraq"
).split()

NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()

"""Short forms of given names: which names are used for one another.

A shared short form is evidence with a weight of its own, never equality. A short form may stand
for several names (`bert` for Albert, Herbert and Robert), so a name belongs to several groups.
"""

from __future__ import annotations

from matchers.name_words import spell

_GROUPS = """
abigail abby gail; abraham abe bram; adalbert bert adal; adelaide addie ada; agnes aggie nessie;
albert al bert albie bertie; alexander alex alec alick sandy sacha sascha xander lex;
alexandra alex sandra sandy lexi; alfred alf fred alfie freddie; alice alison ally;
allan alan al allen; amanda mandy; amelia amy millie emily; andrew andy drew andreas;
angela angie; ann anne anna annie nan nancy hannah anny nina; anneliese anne liesel lisa;
annette anne nettie; anthony tony antony anton toni antoine antonio; antonia toni;
archibald archie baldie; arnold arnie; arthur art artie; augustine gus austin;
augustus gus august; barbara babs barbie bab; barnabas barney; bartholomew bart barty;
beatrice bea trixie; benedict ben bennie; benjamin ben benny benji;
bernard bernie barney bernhard; bertram bert bertie; bridget bridie biddy;
caroline carrie caro lina carol; catherine katherine kate katie kathy cathy kitty kathleen kat kat
harina kathrin katrin kathe cathryn kathryn catharine cath; cecil cis; cecilia celia cissy;
charles charlie chas chuck charley karl carl carlos; charlotte lottie charlie lotte;
christian chris; christina chris tina christine chrissie kristina christa;
christopher chris kit topher christoph kristopher stoffel; clara claire clare; clarence clem;
clement clem; constance connie; cornelius con neil; cynthia cindy; daniel dan danny;
david dave davy davie; deborah debbie deb; dennis denis den; dominic dom nick; donald don donnie;
dorothy dot dolly dottie dora dorothea; douglas doug; ebenezer eben; edgar ed eddie;
edmund ed eddie ned ted; edward ed eddie ned ted teddy eduard; edwin ed eddie ned;
eleanor ellen nell nellie nora ella elinor lena helen; elias eli; elizabeth liz lizzie beth betty
bess eliza betsy elsie lisa libby lizbeth elisabeth elise lisbeth sissi bettina;
emily em millie emmeline; emma em emmy; emmanuel manny manuel; ernest ernie ernst; eugene gene;
eugenie genie; evelyn eve evie; ezekiel zeke; ferdinand ferdy fred; florence flo florrie flossie;
frances fanny fran frankie francis; francis frank fran frankie franz francois; franklin frank;
frederica freda freddie rica; frederick fred freddie freddy fritz friedrich frederic fredrick;
gabriel gabe; gabriele gabi gabriella; geoffrey geoff jeff jeffrey;
george georgie geordie georg jorg jurgen georges; gerald gerry jerry; gerard gerry jerry gerhard;
gertrude gertie trudy trude; gilbert gil bert; gillian gill jill; grace gracie; gregory greg;
gustav gus gustave; gwendolen gwen; harold harry hal; harriet hattie harry;
heinrich heinz heiner henry heini; helen nell ellen helena lena nellie;
henrietta etta hetty harriet; henry harry hal hank henri henrik; herbert bert herb bertie herbie;
hermann harry; hezekiah hez; horace horry; horatio horace; hubert bert hugh; hugh hughie hugo huw;
ignatius nace iggy; ingeborg inge; irene rene; isaac ike zac;
isabella bella isabel bell izzy isobel isabelle belle; jacob jake jack jakob jacques;
jacqueline jackie; james jim jimmy jamie jem jas; jane jenny janie jean janet joan;
janet jan jenny; jean-pierre jean pierre; jennifer jen jenny jennie; jeremiah jerry jem;
jeremy jerry jem; jerome jerry; jessica jess jessie; joanna jo joan hannah johanna;
johannes hans johann john hannes jan; john jack johnny jon johnnie jock ian jean johann sean ivan;
jonathan jon jonny nathan john; joseph joe joey jo josef jos sepp pepe jose;
josephine jo josie fifi; joshua josh jos; josiah joe; judith judy jutta; julia julie jill;
julian jule; juliana julie liane; katsuhiko katsu; kenneth ken kenny;
klaus nikolaus claus nicholas niklas; lancelot lance; laurence larry laurie lawrence lorenz;
lavinia vinnie; lawrence larry lars lawrie; leonard len lenny leo leon; leopold leo; leslie les;
letitia letty tish; lewis lew louis lou; lillian lily lil lilly; louis lou ludwig lewis louie;
louisa lou lulu louise luise; lucas luke luc lukas; lucy lucille lucinda; ludwig lutz louis;
luther lou; mabel may; madeleine maddie magda; magdalena magda lena leni; malcolm mal;
manfred manni fred; margaret maggie meg peggy madge marge margie daisy greta rita peg maisie marjo
 rie gretel margarete grete margarethe marguerite margot; maria marie mary mia mitzi;
marianne mary anne; marion may; mark marc marcus markus; martha mattie patty; martin marty;
mary molly polly mae may mamie minnie maria marie moll; mathilda tilly matilda maud mattie;
matthew matt matty matthias matthieu; maureen mo; maurice morris moritz mo; maximilian max;
melanie mel; michael mike mick micky mickey mich michel michi miguel; mildred millie;
miranda mandy; montague monty; montgomery monty; nathan nat nate; nathaniel nat nate nathan;
neville nev; nicholas nick nicky nicolas nico colin klaus; nicole nicky; norman norm;
obadiah obie; oliver ollie noll olivier; olivia liv livvy; oscar ossie oskar; oswald ossie oz;
pamela pam; patricia pat patsy trish patty tricia; patrick pat paddy rick; paul paulie pablo;
paulette; pauline polly; penelope penny; percival percy val; peregrine perry;
peter pete pierre petrus pedro; philip phil pip phillip philipp philippe; philippa pippa;
phoebe pheby; priscilla cilla prissy; rachel rae ray; ralph rafe ralf; randolph randy dolph;
raphael rafe rafael; raymond ray; rebecca becky becca; reginald reg reggie rex;
richard dick rick rich ricky dickie hick richie;
robert bob rob bobby robin bert robbie bertie rupert dob; roberta bobbie; roderick rod roddy rory;
rodney rod; roger rodge hodge; roland rolly rowland; ronald ron ronnie; rosalind ros rosie;
rose rosie rosa; rosemary rosie rose; rudolf rudi rudolph dolph; rupert rob; russell russ;
samantha sam; samuel sam sammy; sarah sally sadie sal sara; sebastian seb bastian basti;
selina lina; sidney sid sydney; siegfried sigi fred; sigmund sig sigi; silas si;
silvester syl sly; solomon sol; sophia sophie sophy; stanley stan;
stephanie steph stefanie steffi; stephen steve steven stevie stephan stefan stephane etienne;
susan sue susie suzy susannah sukey susanna suzanne hannah sanna; sylvia syl; terence terry;
thaddeus tad; theodore ted theo teddy theodor; theresa terry tess tessa resi tracy teresa therese;
thomas tom tommy thos; timothy tim timmy; tobias toby; ulrich uli ulli; ursula uschi ulla;
valentine val; veronica ronnie vera; victor vic viktor; victoria vicky tori; vincent vince vinnie;
violet vi; virginia ginny; vivian viv; wallace wally; walter walt wally wat wolt;
wilfred wilf will fred wilfrid; wilhelm willi willy will bill; wilhelmina mina minnie willa;
william bill will billy willie wm willy guillaume wilhelm liam; winifred winnie freda;
winston win; wolfgang wolf; jean-paul jean; dominique domi; jean jeannot; laurent lolo; sebastien seb;
stephane steph; christelle chris; emmanuelle manu manue; emmanuel manu; guillaume guy; mathieu mat;
alexandre alex; benoit ben; frederique fred; isabelle isa; veronique vero; valerie val; nathalie nat;
sandrine sandy; stephanie fanny; francoise fanfan; josephine jo; gabrielle gaby; marguerite margot;
jurgen jorg; karl-heinz kalle karl; hans-peter hans peter; katharina kathe kati tina; ferdinand ferdi;
friederike rike frieda; wilhelm wim; maximilian maxi; susanne sanne susi; elisabeth lilli elli;
alexander aleksandr sasha alexei; aleksandr sasha shura; dmitri dima mitya; mikhail misha;
vladimir vova volodya; ekaterina katya; maria masha; anastasia nastya; nikolai kolya; sergei seryozha;
александр саша шура; алексей леша; дмитрий дима; михаил миша; владимир вова володя; екатерина катя;
мария маша; анастасия настя; николай коля; сергей сережа; иван ваня; наталья наташа наталия;
елена лена; татьяна таня; ольга оля; юрий юра; евгений женя; анна аня; константин костя;
giovanni gianni; giuseppe beppe peppe pino; luigi gigi; francesco franco cesco; antonio nino toni;
francisco paco pancho; jose pepe; manuel manolo; guadalupe lupe; rosario charo; ignacio nacho;
yvonne von; zachariah zach zac zachary
"""


_ENDINGS = ("y", "ie", "ey", "i")
"""Of short forms, used for one another: `robby`, `robbie`."""


def _short_forms(groups: str) -> dict[str, set[str]]:
    """Every name of the groups, and the other endings of its short forms, with its formal names."""
    formal: dict[str, set[str]] = {}
    for group in groups.split(";"):
        names = [spell(name) for name in group.split()]
        for name in names:
            formal.setdefault(name, set()).add(names[0])
    for name in sorted(formal):
        ending = next((ending for ending in _ENDINGS if name.endswith(ending)), "")
        stem = name.removesuffix(ending)
        if ending and len(stem) > 2:
            for other in _ENDINGS:
                formal.setdefault(stem + other, formal[name])
    return formal


_FORMAL_NAMES = {name: frozenset(forms) for name, forms in _short_forms(_GROUPS).items()}
_NO_NAMES: frozenset[str] = frozenset()


def is_nickname(one: str, other: str) -> bool:
    """Whether two folded given names may be forms of one name."""
    ours = _FORMAL_NAMES.get(one)
    return ours is not None and not ours.isdisjoint(_FORMAL_NAMES.get(other, _NO_NAMES))

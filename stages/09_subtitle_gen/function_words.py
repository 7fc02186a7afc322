"""Words by which a phrase can be told without a parser, in the languages of most subtitles.

By ISO 639-2 code: conjunctions, before which a break is good; prepositions, before which it is
fair; and further words that lean on the next one. After any of them a break is bad. A word may be
in several lists.
"""

from __future__ import annotations

CONJUNCTIONS = {
    "eng": """
        and but or nor so yet because although though while when whenever where wherever if unless
        until since that which who whom whose than as before after whether
    """,
    "deu": """
        und aber oder denn sondern weil dass obwohl während wenn als ob bis damit nachdem bevor wo
        wie der die das
    """,
    "fra": """
        et mais ou donc or ni car que qui dont où quand lorsque si comme parce puisque quoique
    """,
    "spa": """
        y e o u ni pero sino aunque porque que si cuando mientras donde como pues quien cuyo
    """,
    "ita": """
        e ed o né ma però perché che se quando mentre dove come anche benché oppure
    """,
    "por": """
        e ou nem mas porque que se quando enquanto onde como embora pois
    """,
    "nld": """
        en of maar want omdat dat als toen terwijl hoewel wie die waar
    """,
    "cat": """
        i o ni però sinó perquè que si quan mentre on com encara
    """,
}
PREPOSITIONS = {
    "eng": """
        in on at by for with without from to of into onto over under between through during against
        about across along around behind beside beyond near off towards toward upon within like
    """,
    "deu": """
        in im an am auf aus bei beim mit nach von vom zu zum zur über unter vor hinter neben
        zwischen durch für gegen ohne um seit wegen trotz
    """,
    "fra": """
        à au aux de du des en dans sur sous avec sans pour par vers chez entre contre depuis pendant
        avant après devant derrière
    """,
    "spa": """
        a al de del en con sin por para sobre bajo entre hacia hasta desde contra según tras durante
        ante
    """,
    "ita": """
        a al alla ai alle di del della dei delle da dal dalla in nel nella con su sul sulla per tra
        fra sotto sopra senza verso contro dopo prima
    """,
    "por": """
        a à ao aos às de do da dos das em no na nos nas com sem por pelo pela para sobre sob entre
        até desde contra
    """,
    "nld": """
        in op aan bij met zonder van voor naar uit over onder tussen door tegen om tot sinds na
    """,
    "cat": """
        a al als de del dels en amb sense per sobre sota entre cap fins des contra segons
    """,
}
LEANING = {
    "eng": """
        the a an my your his her its our their this these those i you he she it we they is are was
        were be been am do does did have has had will would shall should can could may might must
        not no very too mr mrs ms dr some any every each
    """,
    "deu": """
        der die das den dem des ein eine einen einem einer eines mein meine dein sein seine ihr ihre
        unser kein keine ich du er sie es wir ist sind war waren hat haben nicht sehr zu
    """,
    "fra": """
        le la les un une des du de mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs
        ce cet cette ces je tu il elle on nous vous ils elles ne pas est sont était a ont très
    """,
    "spa": """
        el la los las un una unos unas lo mi mis tu tus su sus nuestro nuestra este esta estos estas
        ese esa yo él ella me te se nos le les no es son era fue ha han muy
    """,
    "ita": """
        il lo la i gli le un uno una mio mia tuo tua suo sua nostro questo questa quel quella io tu
        lui lei noi mi ti si ci non è sono era ha hanno molto
    """,
    "por": """
        o a os as um uma uns umas meu minha teu seu sua nosso este esta esse essa eu tu ele ela nós
        me te se não é são era foi há muito
    """,
    "nld": """
        de het een mijn jouw zijn haar ons onze hun deze dit die dat ik jij je hij zij ze wij we is
        was waren heeft hebben niet geen zeer te
    """,
    "cat": """
        el la els les un una uns unes lo en na meu teu seu aquest aquesta jo tu ell ella em et es no
        és són era ha han molt
    """,
}

"""Words that belong to a number or to a name, in the languages of most subtitles."""

from __future__ import annotations

UNITS = """
    % ‰ ° °c °f c f € $ £ ¥ ₹ ₽ ₩ ₺ usd eur gbp chf nm µm mm cm dm m km m² km² m³ mg g kg t ml cl
    dl l s ms min h hz khz mhz ghz b kb mb gb tb w kw mw gw kwh v hpa bar db rpm k mph kmh km/h
    m/s ft yd mi oz lb lbs px am pm a.m p.m o'clock o’clock bc ad inch inches foot feet yards mile
    miles meter meters metre metres kilometer kilometers kilometre kilometres gram grams kilo
    kilos kilogram kilograms pound pounds ton tons tonnes liter liters litre litres second seconds
    minute minutes hour hours day days week weeks month months year years degree degrees percent
    dollar dollars cent cents euro euros hundred thousand million millions billion billions dozen
    zentimeter kilometern gramm kilogramm tonnen sekunde sekunden stunde stunden tag tage tagen
    woche wochen monat monate monaten jahr jahre jahren grad prozent uhr tausend millionen
    milliarde milliarden seconde secondes heure heures jour jours semaine semaines mois an ans
    année années mètre mètres kilomètre kilomètres grammes degré degrés pourcent mille milliard
    milliards segundo segundos minuto minutos hora horas día días semana semanas mes meses año
    años metro metros kilómetro kilómetros gramo gramos grado grados dólar dólares millón millones
    mil secondo secondi minuti ora ore giorno giorni settimana settimane mese mesi anno anni metri
    chilometro chilometri gradi mila milione milioni miliardo miliardi dia dias mês ano anos
    quilômetro quilômetros grau graus milhão milhões seconden uur dag dagen weken maand maanden
    jaar graden procent miljoen miljard segons minut minuts dies setmana setmanes mesos any anys
    quilòmetre quilòmetres milió milions
"""  # noqa: RUF001 (an apostrophe of either kind)
NUMBER_WORDS = """
    one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty
    seventy eighty ninety hundred thousand zwei drei vier fünf sechs sieben acht neun zehn elf
    zwölf zwanzig dreißig hundert deux trois quatre cinq sept huit neuf dix onze douze vingt
    trente cent dos tres cuatro cinco siete ocho nueve diez once doce veinte treinta cien due tre
    quattro cinque sei sette otto nove dieci undici dodici venti trenta cento dois três quatro
    seis oito dez doze vinte trinta cem drie vijf zes zeven negen tien twaalf
"""
TITLES = """
    mr mr. mrs mrs. ms ms. miss dr dr. prof prof. professor st st. rev. capt. captain col. gen.
    lt. sgt. maj. hon. sir lady lord king queen president herr frau fräulein mme mme. mlle mlle.
    monsieur madame señor señora señorita sr. sra. srta. don doña sig. signor signora senhor
    senhora dom dona meneer mevrouw senyor senyora doctor doktor docteur dottor dottore
"""

"""Thanks in any words: a message in which every word is harmless, and one says that all is well."""

from __future__ import annotations

MOST_WORDS = 18


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Folded, as `bot.core.asking` folds. A word that could tell of trouble ("back", "problem", "again") is in
# none: a thank-you that is missed starts a clock too many, a complaint that is missed is a customer unheard.
_WELL = _words("""
    thank thanks thankful thx ty cheers great perfect perfectly nice cool awesome excellent
    brilliant fantastic wonderful amazing super superb lovely neat sweet works worked working fixed
    solved resolved appreciate appreciated appreciates grateful glad happy pleased obrigado obrigada
    obrigados obg brigado valeu vlw grato grata gratos agradeco agradecemos perfeito perfeita otimo
    otima excelente maravilha maravilhoso fantastico sensacional legal bacana top show massa joia
    thnx obrigadao obrigadinho cheerio tks funcionou funciona funcionando resolvido resolvida
    resolveu resolveram certo beleza blz sucesso feliz merci gracias
""")
_HARMLESS = _WELL | _words("""
    a about advice ah all an and answer assistance at attention both brief care charm clarification
    clarifying clear day days detailed did done effort efforts enough evening everyone everything
    explaining explanation fast feedback fine fix folks for friday friendly from getting good
    guidance guys have haha hard he help helped helpful helping her him his i im in indeed
    information info insight into is it its job just kind kindly know letting like looking lot lots
    love loved magic man many mate me million monday morning most much my new now of oh ok okay on
    once one our out patience promptly prompt quick quickly quite rapid really regards reply
    response responding right s same saturday she sharing sir so solution sorting speed speedy stuff
    such sunday support supporting supportive sure swift swiftly taking team that the their them
    there they this time tip tips to together ton tons trick tuesday ve very wednesday week weekend
    well with wow yay yeah yep yes you your yours here heads clearing cleared turnaround looks seems
    business closing side heaps helps resolution ours work fully completely abraco abracos agil
    agilidade agora ajuda ajudar apoio as atencao atendimento ate bem boa bom com da de demais
    descanso desde dia dica dicas do e em equipe esclarecer esclarecimento esclarecimentos esta
    estou explicacao explicacoes explicar feito fim foi gente ja logo mais mesmo meu minha muita
    muito mto na noite nos nossa nosso o oi os paciencia para pela pelas pelo pelos pessoal por pra
    presteza rapida rapidamente rapidez rapido resolver resposta respostas retorno retornos semana
    sempre sim solucao suporte tarde te tem tenha todos trabalho tranquilo tudo um uma vc vcs voce
    voces vou aqui normal era isso ficou consegui conseguimos pronto prontamente lado deu meus
""")
_ASKS = _words("is are was were do does did can could will would has have had what when where who why how")
#: These alone say nothing.
FILLERS = _words("again all so very really much there team you everyone agora muito mesmo")


def is_all_well(said: str) -> bool:
    """Whether nothing but that is said. `said` is folded, without punctuation, and not empty."""
    words = said.split()
    is_told = len(words) <= MOST_WORDS and words[0] not in _ASKS
    return is_told and any(word in _WELL for word in words) and all(word in _HARMLESS for word in words)

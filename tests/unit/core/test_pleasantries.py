"""Thanks and farewells, in English and Portuguese, start no clock and reopen nothing; the rest does."""

from __future__ import annotations

import pytest

from bot.core.asking import is_auto_reply, wants_reply

THANKS = """
Thanks!
thank you
Thank you so much!
Thanks a lot :pray:
Many thanks
Thanks again!
thx
ty!
Cheers
Cheers, mate
Great, thanks!
Perfect, thank you!
Awesome, thanks a million
That worked, thank you!
That fixed it, thanks
It works now. Thank you!
Works like a charm, thanks!
All good now, thanks.
Problem solved, thank you very much
Solved, thanks for your help!
Thanks for the quick reply!
Thanks for the fast response, have a great day
Thank you for your help, Ada
Thanks Ada!
Thank you all for the support.
Much appreciated
Really appreciate it!
I appreciate your help
Got it, thanks
Understood, thank you
OK
okay, thanks
Sounds good
Sounds good, thanks!
Will do, thanks.
Noted, thanks
Great!
Nice work, thank you
Excellent support, thank you!
You rock!
You're the best, thanks
Have a nice weekend!
Have a good one
No problem
You're welcome
Perfect
:+1:
👍
🙏 thanks
You can close this, thanks.
You can close the ticket.
Please close this ticket, thank you
We are good now
All set, thanks!
Confirmed, it works. Thanks!
Happy holidays!
Obrigado!
Obrigada
Muito obrigado!
Muito obrigada pela ajuda
Obrigado pela resposta rápida!
Obrigado, Ada
Valeu!
Valeu, pessoal
Funcionou, obrigado!
Deu certo, muito obrigada!
Resolvido, obrigado
Problema resolvido, obrigado pela ajuda
Agora funciona, obrigado.
Tudo certo agora, valeu
Tudo certo!
Perfeito, obrigado
Ótimo, muito obrigado
Excelente, obrigada!
Show, valeu!
Beleza
Beleza, obrigado
Ok, obrigado
Entendido, obrigado
Entendi, valeu
Certo, obrigada
Agradeço a ajuda
Agradecemos o suporte
Grato
Bom fim de semana!
Bom trabalho, obrigado
De nada
Pode fechar, obrigado
Pode fechar o chamado
Podem encerrar o ticket, obrigado
Um abraço
Abraços!
Combinado
Boa tarde, obrigado!
Thanks for sorting this out!
Brilliant, thank you
That did the trick, cheers
Fantastic, works perfectly now
Thank you for looking into it
Ok thank you very much for the explanation
Super, thanks
Merci!
Thanks guys, great job
Yep, fixed. Thanks!
It's working now, thank you!
Lovely, thanks
Thanks for letting me know
ok cool
thank you sir
Obrigado pela atenção!
Maravilha, obrigado!
Muito obrigado pelo retorno
Top, obrigado
Ok, muito grato
Agora foi, valeu!
Está funcionando, obrigado
Obrigado pela explicação
Tranquilo, obrigado
Legal, obrigada
Tenha um ótimo dia
Sucesso, obrigado
That resolved it, thanks heaps
Nice one, thank you
Working fine on our side now, thanks
Thank you for the swift resolution
Great stuff!
Appreciate the quick turnaround
Looks good now, cheers
Happy with that, thanks
Cool, that helps
Perfect, closing on our side
thnx!
Deu tudo certo por aqui, obrigado
Obrigado pelo suporte de sempre
Muito bom, valeu mesmo
Obrigadão!
Era isso mesmo, obrigado
Ficou ótimo, obrigada
Consegui, obrigado!
Agradeço o pronto atendimento
Perfeito, pode encerrar
""".strip().splitlines()

WANTS = """
Thanks, but it still fails.
Thank you, however the pods restart again.
Thanks! One more question: where is the log?
Thanks. How do I restart it?
Thank you, can you also check staging?
ok and how do I roll back?
OK, it broke again
Great, now it is slow
Perfect, except for the second node
It works not
No.
No thanks, we need the fix today
It does not work
Not solved
Still not working, thanks
Any news?
Any update on this?
Hello?
???
Is somebody there?
We are waiting.
Thanks in advance for a fix
Please help
Can you confirm?
When will it be fixed?
The cluster is down again
Works on staging, not in production
It worked for an hour and then stopped
Solved? I still see the error
Do not close this ticket
Please do not close this, it is back
Why was this closed?
You closed it, but nothing works
Please reopen
Reopen please
Got it, what next?
Understood. Which version has the fix?
Will do. Where do I send the logs?
Here are the logs
Attached the trace
I restarted it
I will try tomorrow and report back
Here you go: /var/log/app.log
Yes
Yes please
Version 1.0.2
It is the second one.
We use Kafka 3.6
Error 500
thanks for nothing
Great support indeed: three days without an answer
Obrigado, mas ainda falha.
Obrigado, porém o pod reinicia
Valeu, mas não funcionou
Não funcionou
Não deu certo
Ainda não funciona
Não resolvido
Obrigado. Como reinicio o serviço?
Obrigado! Mais uma pergunta: onde fica o log?
Ok, e como volto atrás?
Alguma novidade?
Oi?
Alguém aí?
Estamos esperando
Pode verificar o ambiente de teste?
Quando sai a correção?
Caiu de novo
Funcionou por uma hora e parou
Voltou a falhar
Não feche o chamado
Por que fecharam?
Reabrir por favor
Podem reabrir o chamado
Entendi, e agora?
Segue o log
Reiniciei o nó
Sim
Sim, por favor
Não
Versão 1.0.2
Obrigado por nada
Desde já agradeço a correção
Tudo parado
Resolvido? ainda vejo o erro
Bom dia, o cluster caiu
Boa tarde, preciso de ajuda
Perfeito, exceto o segundo nó
Thanks, we will wait for the patch then, when is it due?
ok, the second node too
Thank you but no
great, another outage
Fine, but who pays for this
Thanks Ada but the pod is dead
all nodes are down
good morning, the API returns 500
it works only with sudo
done what you said, same error
Perfect timing: it crashed again
so?
again
very slow again
all again
Everything is down again
show me the logs
time is up
Obrigado, vou testar e volto
ok, e o outro nó
tudo parado de novo
agora caiu
de novo
certo, mas e o backup
show de horrores isso aqui
Bom dia, alguma previsão
muito lento
agora não abre
agora
Obrigado Ada, porém falhou
Thanks for the update, we need it before Friday
Great, and the logs show the same message
OK so the fix is in which release
Nice, but now the other job hangs
thank you, waiting for the next step
working on it, but stuck at step two
not fixed
Fixed one, two remain
Solved the first problem only
it is working but slowly
Perfect storm: everything failed
glad you asked, the version is 1.0
Thanks, please escalate
how is it working
is it solved now
I have it all working with the old one
You have fixed the other one
they have it working and we do not
Obrigado, precisamos disso hoje
Ótimo, e o segundo cluster
resolveu só o primeiro
funciona só às vezes
funcionando, porém lento
obrigado, aguardando a próxima etapa
voltou a dar erro
está feito como vocês pediram
Certo, então qual é a versão
tudo certo menos o backup
sempre o mesmo problema
vou ver com a equipe e te digo
""".strip().splitlines()

AWAY = """
Automatic reply: Out of office until Monday
Auto-reply: I am away
Auto Response: we have received your message
Out of office: back on 3 December
I am out of the office until Monday.
I'm currently out of office with limited access to mail.
This is an automated message, please do not reply.
This is an automatic response.
OOO until Friday
Resposta automática: estou de férias
Resposta automática: fora do escritório
Estou de férias até segunda-feira.
Estarei ausente até o dia 10.
Mensagem automática: recebemos seu e-mail
Fora do escritório até segunda
Ausência temporária: volto dia 7
""".strip().splitlines()

HERE = """
Our automatic backup fails
Is there an out of office setting in the portal?
The office cluster is out of memory
Automatic ingestion stopped
O backup automático falhou
A resposta do servidor é automática e vem vazia
Estou de volta, e o erro também
""".strip().splitlines()


@pytest.mark.parametrize("text", THANKS)
def test_nothing_is_wanted(text: str) -> None:
    assert not wants_reply(text)


@pytest.mark.parametrize("text", WANTS)
def test_an_answer_is_wanted(text: str) -> None:
    assert wants_reply(text)


@pytest.mark.parametrize("text", AWAY)
def test_a_program_speaks_for_somebody_who_is_away(text: str) -> None:
    assert is_auto_reply(text)
    assert not wants_reply(text)


@pytest.mark.parametrize("text", HERE)
def test_a_person_speaks_about_such_things(text: str) -> None:
    assert not is_auto_reply(text)
    assert wants_reply(text)


def test_a_long_message_takes_no_long_look() -> None:
    assert wants_reply("all set " * 10_000)

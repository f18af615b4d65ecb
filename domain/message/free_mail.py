"""Domains whose addresses belong to the public: two people there are not of one organisation."""

from __future__ import annotations

_DOMAINS = """
    126.com 163.com aim.com alice.it aol.com att.net bellsouth.net bigpond.com bluewin.ch bol.com.br btinternet.com
    charter.net comcast.net cox.net daum.net earthlink.net email.cz email.de fastmail.com fastmail.fm foxmail.com free.fr
    freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hanmail.net hey.com hotmail.co.uk hotmail.com
    hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com inbox.com inbox.lv interia.pl laposte.net libero.it
    live.co.uk live.com live.de live.fr live.nl mac.com mail.com mail.de mail.ru me.com msn.com naver.com o2.pl onet.pl
    optonline.net orange.fr outlook.com outlook.de outlook.es outlook.fr pm.me posteo.de proton.me protonmail.com qq.com
    rambler.ru rediffmail.com rocketmail.com rogers.com sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sky.com
    sympatico.ca t-online.de talktalk.net telenet.be telus.net terra.com.br tiscali.it tutanota.com tuta.com tuta.io uol.com.br
    verizon.net virgilio.it virginmedia.com wanadoo.fr web.de wp.pl xtra.co.nz yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk
    yahoo.com yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru yeah.net
    ymail.com zoho.com zohomail.com zohomail.eu
"""
FREE_MAIL = frozenset(_DOMAINS.split())

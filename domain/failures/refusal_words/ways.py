"""Ways in: POP and what switches it on, encryption, app passwords, OAuth, browsers."""

WORDS = """
pop
  en: pop, pop3, pop 3, pop3s, imap, imap4, pop access, mail client*, email client*, e mail client*, mail program*,
      email program*, external client*, external program*, desktop client*, third party, 3rd party, protocol*,
      external access, client access, remote access, mail protocol*, this service
  de: mailprogramm*, e mail programm*, email programm*, mailclient*, protokoll*, externe programme, externen
      programm*, externer zugriff, diesen dienst, dieser dienst, drittanbieter
  fr: client* de messagerie, logiciel* de messagerie, protocole*, ce service, acces externe, client* mail
  es: cliente* de correo, programa* de correo, protocolo*, este servicio, clientes externos
  pt: cliente* de e mail, cliente* de email, programa* de e mail, programa* de email, protocolo*, este servico
  it: client di posta, programm* di posta, protocoll*, questo servizio, client esterni
  pl: program* poczt*, klient* poczt*, protokoł*, tej usługi, ta usługa
  ru: почтов* клиент*, почтов* программ*, протокол*, этот сервис, эта услуга, этой услуги
  zh: 客户端, 客戶端, 协议, 協議, 第三方, pop3服务, pop服务, 收信服务, 邮件客户端, 此服务, 该服务
  ja: メールソフト, メールクライアント, プロトコル, このサービス, 外部クライアント
enabled
  en: enabled, enable, activated, activate, allowed, allow, permitted, turned on, turn on, switched on, switch on,
      available, offered, supported, included, provisioned, subscribed, licensed, granted, entitled, authorized,
      authorised, configured, set up, authorized for, eligible, part of your, included in, active for, part of,
      comes with, opened, unlocked, opted in, in your plan, in your contract, possible, usable, accessible, accept,
      accepts
  de: aktiviert, aktivieren, freigeschaltet, freischalten, freigegeben, eingeschaltet, einschalten, erlaubt,
      erlauben, zugelassen, verfügbar, enthalten, berechtigt, gestattet, gebucht, aktiv, unterstützt, eingerichtet,
      vorgesehen, gehört, gehoert, bestandteil, inbegriffen, mitgebucht, frei, möglich, nutzbar
  fr: active, actif, activer, activez, autorise, autorisee, permis, inclus, incluse, disponible, souscrit, ouvert,
      habilite, droit, droits, active*, autorise*, permise, permises, inclus*, comprise*, compris, fait partie,
      souscrit*, possible
  es: habilitad*, habilite, habilitar, activad*, active, activar, permitid*, autorizad*, incluid*, disponible,
      contratad*, soportad*, derecho, forma parte, comprendid*, incluye, activ*, posible
  pt: habilitad*, habilite, habilitar, ativad*, ative, ativar, permitid*, autorizad*, incluid*, disponivel,
      contratad*, liberad*, suportad*, direito, faz parte, inclui, compreendid*, ativ*, possivel
  it: abilitat*, abilitare, abilita, attivat*, attivare, attiva, attivo, consentit*, autorizzat*, permess*, inclus*,
      disponibile, previst*, supportat*, fa parte, compres*, inclu*, comprende, attiv*, possibile
  pl: włączon*, włącz, włączyć, aktywn*, aktywuj, dozwolon*, dostępn*, uprawnion*, uprawnień, udostępnion*,
      obsługiwan*, wchodzi w skład, zawiera, obejmuje, objęt*, możliw*, aktywowan*
  ru: включен*, включите, включить, активирован*, активируйте, разрешен*, разрешите, доступ*, подключен*,
      предоставл*, поддержива*, прав, сможете, входит, входят, включает, подключена, возможн*
  zh: 开通, 開通, 开启, 開啟, 启用, 啟用, 允许, 允許, 打开, 支持, 支援, 权限, 開放, 开放, 含, 包含, 包括
  ja: 有効, 許可, 利用可能, 対応, オン, 契約, 権限, ご利用, 含まれ, 含む, 入って, 使え, 可能, 有効化
  nl: ingeschakeld, geactiveerd, toegestaan
  sv: aktiverat, aktiverad, tillåten, tillåtet, aktiver*
  da: aktiveret, slået til, tilladt
  cs: povolen*, aktivován*
  tr: etkin*, izin verilm*
  hu: engedélyez*, bekapcsol*
  ko: 활성화*, 허용*
switch_on
  en: enable, activate, turn on, switch on, allow, please enable, upgrade, subscribe, set up, open, switched on,
      turned on, activated first, be activated, be enabled, opt in
  de: aktivieren, freischalten, einschalten, erlauben, schalten sie, aktivieren sie
  fr: activer, activez, autorisez, souscri*, activee, mis en service
  es: habilite, habilitar, activar, active, habilitelo, contrate, activelo, encienda
  pt: habilite, habilitar, ativar, ative, contrate, ative o, ligue
  it: abilitare, abilita, attivare, abilitarlo, attivarlo, attivi, abiliti, accenda
  pl: włącz, włączyć, aktywuj, aktywować
  ru: включите, включить, активируйте, разрешите, подключите
  zh: 开通, 開通, 开启, 開啟, 启用, 啟用, 打开
  ja: 有効にして, 有効化, 設定を有効, オンにして
off
  en: disabled, turned off, switched off, deactivated, blocked, closed, off, restricted, not offered, suspended,
      discontinued, retired, removed, withdrawn, barred, denied, forbidden, prohibited, disallowed, terminated,
      inactive, no access, upgrade, unsupported, inhibited, revoked, shut out, locked out, kept out, turned away,
      cut off, phased out, sunset, dropped, gone, not on offer, shut, blocked by policy, blocked by admin*,
      blocked by the admin*, blocked by your, blocked by the owner, blocked by the domain, ended, may not use,
      must not use, cannot use, can not use, not to use
  de: deaktiviert, abgeschaltet, ausgeschaltet, gesperrt, eingestellt, geschlossen, blockiert, unterbunden,
      verweigert, verboten, ausgesperrt, entzogen, abgestellt, weggefallen, stillgelegt, nicht nutzen,
      nicht verwenden
  fr: desactiv*, ferme, fermee, bloque, bloquee, coupe, supprime, interdit*, refuse, coupe*, retire*, supprime*,
      arrete*, exclu*, ne peut utiliser, ne peut pas utiliser
  es: deshabilitad*, desactivad*, bloquead*, cerrad*, inhabilitad*, denegad*, prohibid*, retirad*, suprimid*,
      excluid*, apagad*, cortad*, no puede usar
  pt: desabilitad*, desativad*, bloquead*, fechad*, negad*, proibid*, desligad*, retirad*, suprimid*, excluid*,
      cortad*, descontinuad*, nao pode usar
  it: disabilitat*, disattivat*, bloccat*, chius*, negat*, inibit*, vietat*, ritirat*, soppress*, esclus*, rimoss*,
      spent*, non può usare
  pl: wyłączon*, zablokowan*, nieaktywn*, zabronion*, niedozwolon*, wycofan*, odcięt*, zniesion*, zablokow*,
      nie może używać
  ru: отключен*, выключен*, заблокир*, запрещен*, закрыт*, деактивир*, убран*, снят*, отменен*, прекращен*,
      не может использовать
  zh: 关闭, 關閉, 禁用, 停用, 已关, 禁止, 停止, 下线, 下線, 取消, 关掉, 不能使用, 无法使用
  ja: 無効, 停止, 禁止, オフ, 許可されていません, 許可がありません, 廃止, 終了, 締め出, 利用できません, 使えません
  nl: uitgeschakeld, uitgezet, geblokkeerd
  sv: avstängt, avstängd, inaktiverad*
  da: slået fra, deaktiveret, lukket
  cs: vypnut*, zakázán*, deaktivován*
  tr: kapalı, devre dışı, kapatıl*
  hu: kikapcsol*, letilt*
  ko: 비활성*, 중단*, 꺼져*
plan
  en: plan, subscription, package, feature, upgrade, premium, paid, tariff, edition, license, free accounts, free
      users, free account, add on, option, contract, subscribed, bundle, membership, account type, tier, offering,
      paying, paying members, members only, for members, for customers, business accounts
  de: tarif, paket, abonnement, kostenpflichtig, premium, lizenz, vertrag, vertrags, vertragsumfang, leistungsumfang,
      buchung, zahlende, mitglieder
  fr: abonnement, forfait, formule, option, offre, payant*, contrat, offres, tarif, abonnes, membres
  es: plan, suscripcion, paquete, tarifa, de pago, licencia, contrato, abono, modalidad, miembros, socios
  pt: plano, assinatura, pacote, pago, licenca, contrato, modalidade, pacotes, membros, assinantes
  it: piano, abbonamento, pacchetto, a pagamento, licenza, offerta, contratto, sottoscrizione, profilo tariffario,
      membri, abbonati
  pl: abonament*, pakiet*, taryf*, płatn*, licencj*, plan*, umow*, ofert*
  ru: тариф*, подписк*, пакет*, платн*, лицензи*, договор*, план, плана, тарифн*, подписчик*
  zh: 套餐, 会员, 付费, 版本, 订阅, 合同, 資費
  ja: プラン, 契約, 有料, ライセンス, オプション, コース, 料金
tls
  en: tls, ssl, stls, starttls, tls ssl, encrypt*, encryption, cleartext, clear text, plaintext, plain text,
      plain login, plain authentication, unencrypted, secure connection*, secured connection*, secure channel,
      secure layer, privacy, security layer, protection layer, insecure, non secure, unsecure*, unsecured,
      not secure, not encrypted, secure port, port 995, port 465, 995, secure transport, secure authentication,
      layer, secured layer, secure mode, secured mode, in the clear, in clear, unprotected, in plain, open text,
      plain logins
  de: verschlüssel*, unverschlüssel*, klartext, gesicherte verbindung, sichere verbindung, sicheren verbindung
  fr: chiffr*, chiffree, crypt*, cryptee, non chiffree, en clair, connexion securisee, securis*
  es: cifrad*, encriptad*, texto plano, texto claro, conexion segura, sin cifrar
  pt: criptograf*, texto claro, texto puro, conexao segura, cifrad*
  it: crittograf*, cifrat*, in chiaro, connessione sicura, connessione protetta
  pl: szyfrowan*, nieszyfrowan*, bezpieczne połączeni*, bezpiecznego połączenia
  ru: шифрован*, зашифрован*, незашифрован*, защищенн* соединени*, безопасн* соединени*, открытым текстом
  zh: 加密, 安全连接, 安全連線, 明文, ssl加密
  ja: 暗号化, 暗号, 平文, セキュア接続, 安全な接続
  nl: versleutel*, beveiligde verbinding
  sv: kryptera*, krypterad anslutning
  da: krypter*
  cs: šifrovan*, zabezpečené připojení
  tr: şifreli*, güvenli bağlantı
  hu: titkosít*
  ko: 암호화*
needed
  en: required, require, requires, mandatory, must, need, needs, needed, only, first, use, necessary, obligatory,
      enforced, enforce, please use, before, unless, until, have to, supposed to, demand*, expected, switch to,
      mode, under, layer, disabled, disallowed, not allowed, not permitted, forbidden, prohibited, not accepted,
      refused, rejected, not supported, unsupported, denied, off, prior to, insufficient, has to, needs to, need to,
      ought to, should, shall, without, not taken, not served, not taking, must use, try, try using
  de: erforderlich, nötig, notwendig, benötigt, muss, müssen, nur, zuerst, verwenden sie, bitte verwenden, zwingend,
      vorgeschrieben, nicht erlaubt, nicht zugelassen, nicht gestattet, nicht möglich, deaktiviert, abgeschaltet,
      verlangt, pflicht, abgelehnt, nutzen sie, nicht mehr möglich, nicht angenommen, nicht akzeptiert, sollte,
      zunächst, erst
  fr: requis*, obligatoire*, necessaire*, exige*, doit, devez, seulement, uniquement, utilisez, d abord, interdit*,
      refuse*, pas autorise*, non autorise*, desactiv*, pas accepte*, non accepte*, passez, d abord en, avant
  es: requerid*, requiere, obligatori*, necesari*, exige, debe, solo, solamente, utilice, use, primero, no permitid*,
      prohibid*, deshabilitad*, rechazad*, se necesita, no se acepta*, no aceptad*, antes, use antes, pase a
  pt: obrigatori*, necessari*, requerid*, exigid*, requer, exige, deve, somente, apenas, use, utilize, primeiro, nao
      permitid*, proibid*, desabilitad*, nao e aceit*, nao aceit*, antes, use antes
  it: richiest*, obbligatori*, necessari*, richiede, deve, devi, solo, soltanto, usare, utilizzare, utilizza, prima,
      non consentit*, non permess*, vietat*, disabilitat*, non accettat*, non è accettat*, passi, passare a, prima
      passi
  pl: wymagan*, wymaga, konieczn*, obowiązkow*, należy, musi, tylko, wyłącznie, użyj, najpierw, niedozwolon*,
      zabronion*, wyłączon*, nie jest przyjmowan*, nie jest akceptowan*, użyć, wpierw
  ru: требуется, требует*, необходим*, обязател*, нужн*, должн*, только, используйте, сначала, запрещен*, не разреш*,
      отключен*, не принима*, включите, используйте сначала
  zh: 必须, 必須, 需要, 要求, 仅支持, 只能, 只支持, 请使用, 請使用, 需, 不允许, 禁止, 先, 不接受, 先使用, 须, 須,
      只接受
  ja: 必要, 必須, のみ, 要求, 使用してください, 利用してください, 許可されていません, 禁止, 先に, お使いください,
      受け付けません, 受け付けていません, 使ってください, 限定
  nl: vereist, verplicht, alleen, moet, gebruik
  sv: krävs, måste, använd, endast
  da: kræves, påkrævet, skal, brug
  cs: vyžadován*, nutn*, použijte, pouze
  tr: gerekli, zorunlu, kullanın
  hu: szükséges, kötelező, használjon
  ko: 필요*, 필수*, 사용하세요*
app_password
  en: app password*, app specific password*, application password*, application specific, app specific, device
      password*, client password*, one time password*, authorization code*, authorisation code*, authorized code, auth
      code, second factor, two factor, 2 factor, two step, 2 step, 2fa, mfa, multi factor, multifactor, dedicated
      password, special password, generated password, external password, token password, 2sv, app key, client key,
      security key, app code, mail password, password for apps, password for mail apps, password for mail programs,
      code for apps, code for mail apps, code made for, password made for, regular password, normal password, usual
      password, main password, primary password, everyday password, web password, own password for each
  de: app passwort*, anwendungspasswort*, anwendungsspezifisch*, app kennwort, zwei faktor*, zweifaktor*, zwei
      schritt*, gerätepasswort, anwendungskennwort, externes passwort, normales passwort, hauptpasswort,
      hauptkennwort, passwort für apps, kennwort für apps, eigenes passwort für, 2 faktor*
  fr: mot de passe d application, mot de passe de l application, mot de passe applicatif, mot de passe specifique,
      double authentification, deux facteurs, deux etapes, code d autorisation, mot de passe principal, mot de passe
      habituel, mot de passe pour les applications, 2 facteurs
  es: contraseña de aplicacion, contraseñas de aplicacion, contraseña de la aplicacion, contraseña especifica, dos
      factores, dos pasos, codigo de autorizacion, contraseña principal, contraseña habitual, contraseña para
      aplicaciones, 2 factores
  pt: senha de app, senha de aplicativo, senha de aplicacao, senha do app, senha especifica, dois fatores, duas
      etapas, codigo de autorizacao, senha para app*, senha principal, senha habitual, senha para aplicativos, 2
      fatores
  it: password per le app, password per app, password specifica, password per l applicazione, password dell app, due
      fattori, due passaggi, codice di autorizzazione, password applicazione, password principale, password
      abituale, password per applicazioni, 2 fattori
  pl: hasło aplikacji, hasła aplikacji, hasło do aplikacji, hasła do aplikacji, hasła dla aplikacji, hasło dla
      aplikacji, dwuskładnikow*, dwuetapow*, kod autoryzacji, główne hasło, zwykłe hasło, hasło główne
  ru: парол* приложени*, парол* для приложени*, парол* для внешн*, двухфактор*, двухэтапн*, код авторизации, основной
      пароль, обычный пароль, основного пароля, парол* для почтовых
  zh: 授权码, 授權碼, 应用专用密码, 专用密码, 客户端密码, 客户端授权, 授权密码, 应用密码, 独立密码, 两步验证,
      双重验证, 安全密码, 主密码, 登录密码不能, 双因素, 雙因素, 二次验证, 两步, 兩步
  ja: アプリパスワード, アプリケーション固有, アプリ専用, 専用パスワード, 外部アプリ, 二段階認証, 2段階認証,
      二要素認証, 通常のパスワード, メインのパスワード, 2要素, 2段階
  en (att): mail key, mail keys
  nl: tweestaps*, tweefactor*, 2 stap*, twee stap*
  sv: tvåfaktor*, tvåstegs*
  da: to faktor*, tofaktor*, to trins*, 2 faktor*
  cs: dvoufaktor*, dvoufázov*, dvoustup*
  tr: iki faktör*, iki aşama*, iki adım*
  hu: kéttényező*, kétlépcső*, kétfaktor*
  ko: 2단계*, 이중 인증*, 2차 인증*
oauth
  en: oauth, oauth2, oauth 2, modern auth*, xoauth2, bearer, less secure app*, less secure, basic auth*, basic
      authentication, password authentication, password login*, password based, legacy authentication, legacy auth,
      legacy protocol*
  de: basisauthentifizierung, standardauthentifizierung, moderne authentifizierung, weniger sichere apps
  fr: authentification de base, authentification moderne
  es: autenticacion basica, autenticacion moderna
  pt: autenticacao basica, autenticacao moderna
  it: autenticazione di base, autenticazione moderna
  pl: uwierzytelnianie podstawowe, nowoczesne uwierzytelnianie
  ru: базовая аутентификация, базовой аутентификации
  zh: 基本身份验证, 基本认证
  ja: 基本認証, 先進認証
mechanism
  en: mechanism*, method*, authentication type, auth type, authentication method*, auth method*, scheme*, sasl,
      apop, cram md5, digest md5, ntlm, gssapi, plain, user pass, authentication mode, authentication protocol,
      login method, authentication package*, auth package*, authentication extension*, auth extension*
  de: mechanismus, methode, verfahren, anmeldeverfahren, authentifizierungsverfahren, authentifizierungsmethode
  fr: mecanisme*, methode*, type d authentification
  es: mecanismo*, metodo*, tipo de autenticacion
  pt: mecanismo*, metodo*, tipo de autenticacao
  it: meccanismo, metodo, tipo di autenticazione
  pl: mechanizm*, metod*
  ru: механизм*, метод*, способ*
  zh: 机制, 方式, 方法, 认证方式, 验证方式
  ja: 方式, メカニズム, 認証方式
unsupported
  en: unsupported, not supported, unknown, unrecogni*, not recogni*, not available, not offered, disabled, not
      enabled, not allowed, not permitted, invalid, stronger, too weak, weak, not implemented, unimplemented, refused,
      must use, required, use, disallowed, unavailable, no supported, no common, no acceptable, not configured
  de: nicht unterstützt, unbekannt*, nicht verfügbar, deaktiviert, nicht zugelassen, nicht erlaubt, zu schwach
  fr: non supporte*, non pris en charge, pas supporte*, inconnu*, desactiv*, non disponible, pas pris en charge
  es: no soportad*, no admitid*, no compatible, desconocid*, deshabilitad*
  pt: nao suportad*, desconhecid*, desabilitad*
  it: non supportat*, sconosciut*, disabilitat*
  pl: nieobsługiwan*, nie jest obsługiwan*, nieznan*, wyłączon*
  ru: не поддержива*, неподдержива*, неизвестн*, отключен*
  zh: 不支持, 不支援, 未知, 不可用, 禁用
  ja: サポートされていません, 対応していません, 非対応, 未対応, 無効
browser
  en: browser*, web, webmail*, web mail*, website, web site, web page, web interface, online, homepage, control panel,
      portal
  de: browser*, webmail*, webseite*, website, internetseite, weboberfläche, im web, kundencenter
  fr: navigateur*, webmail*, site web, site internet, espace client, interface web
  es: navegador*, webmail*, sitio web, pagina web, en la web, via web
  pt: navegador*, webmail*, site, pagina, pela web, na web
  it: browser, webmail, sito, sito web, pagina web, via web
  pl: przeglądark*, webmail*, stron* www, stron* internetow*, przez www
  ru: браузер*, веб интерфейс*, веб почт*, на сайте, через сайт, через веб
  zh: 浏览器, 瀏覽器, 网页, 網頁, 网站, web页面
  ja: ブラウザ, ブラウザー, ウェブ, webメール, ウェブメール
  nl: browser, webmail
  sv: webbläsar*, webbmail
  da: browser*, webmail
  cs: prohlížeč*, webmail*
  tr: tarayıcı*, web arayüz*
  hu: böngésző*, webes felület*
  ko: 브라우저*, 웹메일*
visit
  en: visit, go to, see, please visit, open, click
  de: besuchen, melden sie sich, öffnen sie
  fr: visitez, rendez vous, connectez vous, allez, passez par, utilisez
  es: visite, ingrese, vaya, entre, acceda, entre una vez, use
  pt: visite, acesse, entre, entre uma vez, va, use
  it: visita, visitare, vai, entri, acceda, entra, accedi, usi
  pl: odwiedź, zaloguj, wejdź, użyj, otwórz
  ru: посетите, перейдите, войдите, зайдите, откройте
  zh: 访问, 请到, 前往, 登录, 登錄, 先用
  ja: 訪問, アクセスして, ログインして, サインインして, 使って
link
  en: urllink
only_other
  en: imap only, only imap, by imap only, via imap only, over imap only, only by imap, only via imap, only over imap,
      only through imap, through imap only, webmail only, only webmail, only by webmail, only via webmail, only
      through webmail, through webmail only, web only, only in the browser, only on the web
  de: nur imap, nur per imap, nur über imap, nur mit imap, nur webmail, nur per webmail, nur über webmail, nur im
      webmail
  fr: uniquement en imap, uniquement par imap, imap uniquement, imap seulement, seulement par imap, webmail
      uniquement, uniquement par webmail
  es: solo imap, solo por imap, unicamente imap, solo webmail, solo por webmail, solo mediante imap
  pt: somente imap, apenas imap, so por imap, somente por imap, apenas por imap, somente webmail, apenas webmail
  it: solo imap, solo via imap, solo con imap, solo tramite imap, solo webmail, solo tramite webmail
  pl: tylko imap, tylko przez imap, wyłącznie imap, tylko webmail
  ru: только imap, только по imap, только через imap
  zh: 仅支持imap, 只支持imap, 仅限imap, 仅限网页, 只能用imap
  ja: imapのみ, imapだけ, webメールのみ
terms
  en: terms, terms of service, terms of use, agreement, license agreement, privacy policy
  de: nutzungsbedingungen, geschäftsbedingungen, agb, nutzungsvereinbarung
  fr: conditions d utilisation, conditions generales
  es: condiciones de uso, condiciones del servicio, terminos de uso, terminos y condiciones
  pt: termos de uso, termos de servico, termos e condicoes
  it: condizioni d uso, termini di servizio, condizioni di utilizzo
  pl: regulamin*, warunki korzystania
  ru: условия использования, условия пользования, пользовательское соглашение, соглашени*
  zh: 服务条款, 用户协议, 使用条款, 隐私政策
  ja: 利用規約, 規約
registration
  en: registration, sign up, profile
  de: registrierung, profil
  fr: inscription, profil
  es: registro, perfil
  pt: cadastro, perfil
  it: registrazione, profilo
  pl: rejestracj*, profil*
  ru: регистрац*, профил*
  zh: 注册, 资料
  ja: 登録, プロフィール
"""

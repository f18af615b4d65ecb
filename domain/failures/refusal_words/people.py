"""Whom and what a refusal is about: people, what they log in with, and where to."""

WORDS = """
secret
  en: password*, passwd, pass word*, passphrase*, passcode*, pwd, credential*, pin, secret, login details, login data,
      api key*,
      login information, sign in details, access data, account details
  de: kennwort, kennworts, kennwortes, kennwörter*, passwort, passworts, passwortes, passwörter*, passworteingabe,
      kennworteingabe, passwortangabe, passwortfehler, zugangsdaten, anmeldedaten, zugangsberechtigung, passwortprüfung*,
      benutzerdaten, logindaten, login daten
  fr: mot de passe, mots de passe, mdp, code secret, donnees de connexion, informations de connexion
  es: contraseña*, clave, claves, credencial*, datos de acceso, datos de inicio de sesion
  pt: senha*, palavra passe, credencia*, dados de acesso, dados de login
  it: password, parola d ordine, credenzial*, dati di accesso
  pl: hasło, hasła, haslo, hasla, hasłem, haslem, dane logowania, dane dostępowe
  ru: парол*, учетн* данн*, данн* для входа
  zh: 密码, 密碼, 口令, 授权信息, 凭据, 凭证, 登录信息
  ja: パスワード, 暗証番号, 認証情報, ログイン情報
user
  en: user, users, username*, user name*, userid, user id, login name*, login id, identity, subscriber, customer
  de: benutzer, benutzers, benutzern, benutzername*, benutzerkennung*, benutzerangabe*, benutzerid, nutzer, nutzers,
      nutzername*, nutzerkennung, anwender, anwendername*, teilnehmer*, kunde, kundennummer
  fr: utilisateur*, identifiant*, nom d utilisateur, abonne, client inconnu
  es: usuario*, nombre de usuario, identificador
  pt: usuario*, utilizador*, nome de usuario
  it: utente, utenti, nome utente, username
  pl: użytkownik*, nazwa użytkownika, nazwę użytkownika, loginu
  ru: пользовател*, имя пользователя, логин, логина, абонент*
  zh: 用户, 用戶, 用户名, 用戶名, 使用者
  ja: ユーザー, ユーザ, ユーザー名, ユーザ名, ユーザid, 利用者
account
  en: account*, acct, profile
  de: konto, kontos, benutzerkonto, postfachkonto, account
  fr: compte*
  es: cuenta*
  pt: conta, contas
  it: account, conto
  pl: konto, konta, kontem
  ru: учетн* запис*, аккаунт*
  zh: 帐号, 账号, 帳號, 账户, 帐户, 帳戶, 賬號
  ja: アカウント
mailbox
  en: mailbox*, mail box*, maildrop*, mail drop*, inbox, mail file*, mail folder*, mail spool*, spool file, mailfile,
      mail queue
  de: postfach, postfaches, postfächer, mailbox, briefkasten
  fr: boite*, boite aux lettres, boite mail, bal
  es: buzon*, casilla*
  pt: caixa postal, caixa de correio, caixa de entrada
  it: casella*
  pl: skrzynk*
  ru: ящик*, почтов* ящик*
  zh: 邮箱, 郵箱, 信箱, 邮件箱
  ja: メールボックス, 郵便受け
login
  en: login*, log in, logging in, logon*, log on, logging on, sign in, signin, sign on, signing in, authenticat*,
      authoriz*, authoris*, auth, authn, logged in, logged on, sasl auth, sasl authentication, sasl login, sasl plain,
      sasl
      login authentication, sasl plain authentication, plain auth, login authentication, plain authentication, cram md5
      authentication, digest md5 authentication, apop authentication, pam authentication
  de: anmelden, anmeldung, anmeldungen, anmeldefehler, anmeldename*, anmeldevorgang*, anmeldevers*, anmeldeproblem*,
      anmelde, anmeldet, einlogg*, login, authentifizierung, authentifizieren, authentifiziert*, authentifizierungsfehler,
      authentifizierungsvorgang, authentisierung, authentisieren, authentisiert, autorisierung, autorisieren, autorisiert,
      autorisierungsfehler, anzumelden, melden sie sich, melde dich,
      loggen sie
  fr: authentif*, connexion, connecter, identification, se connecter, ouverture de session
  es: autentica*, autentifica*, inicio de sesion, iniciar sesion, iniciar la sesion, autoriza*, identificacion
  pt: autentica*, login, logon, entrar, iniciar sessao, autoriza*
  it: autenticazion*, autentica*, login, autorizz*
  pl: logowani*, zalogowa*, uwierzytelni*, autoryza*, autentyka*
  ru: вход, входа, войти, авториз*, аутентифик*
  zh: 登录, 登錄, 登陆, 登陸, 登入, 认证, 認證, 验证, 驗證, 身份验证, 鉴权
  ja: ログイン, ログオン, 認証, サインイン
access
  en: access, accessing
  de: zugang, zugriff, zugänge
  fr: acces
  es: acceso, acceder
  pt: acesso, acessar
  it: accesso, accedere
  pl: dostęp, dostępu
  ru: доступ, доступа
  zh: 访问, 存取
  ja: アクセス
thing
  en: session*, spool file*, status, state, states, mapping*, folder*, director*, maildir*, inbox, file, files, filepath,
      mailbox guid*, user guid*, account guid*, condition*, owner*, ownership, permission*, uid, gid, acl,
      acls, context*, preferences, settings, home, profile data, handle*,
      descriptor*, migration, subscription*, flags, namespace*, shard*, routing*, assignment*, association*
  de: sitzung*, status, zustand, kontostatus, kontozustand, zuordnung*, benutzerzuordnung*, ordner*, verzeichnis*,
      benutzerverzeichnis*, benutzersitzung*, postfachdatei*, postfachordner*, datei, dateien, eigentümer*, besitzer*,
      berechtigungen, zugriffsrechte, profil, benutzerprofil*, einstellungen, kontext
  fr: session*, profil*, statut, etat, correspondance*, dossier*, repertoire*, fichier*, proprietaire*, droits, permissions,
      reglages, contexte, association
  es: sesion, sesiones, perfil*, estado, asignacion, asociacion, correspondencia, carpeta*, directorio*, archivo*, fichero*,
      propietario*, permisos, contexto
  pt: sessao, sessoes, perfil*, perfis, estado, status, mapeamento, associacao, pasta, pastas, diretorio*, ficheiro*, arquivo*,
      dono, proprietario*, permissoes, contexto
  it: session*, profil*, stato, mappatura, associazione, cartell*, directory, file, proprietari*, permessi, contesto
  pl: sesj*, profil*, stan, status, stanu, mapowani*, przypisani*, folder*, katalog*, plik*, właściciel*, uprawnieni*, kontekst*
  ru: сесси*, сеанс*, профил*, путь к, состояни*, статус*, сопоставлени*, привязк*, папк*, каталог*, директори*, файл*, владел*,
      прав, права, контекст*
  zh: 会话, 會話, 配置, 状态, 狀態, 映射, 关联, 文件夹, 文件, 目录, 目錄, 路径, 属主, 权限, 上下文, 会话状态
  ja: セッション, プロファイル, パス, 状態, ステータス, マッピング, 割り当て,
      フォルダ, フォルダー, ディレクトリ, ファイル, 所有者, 権限, コンテキスト
data
  en: data, details, information, info
  de: daten, benutzerdaten, kontodaten, nutzerdaten, postfachdaten, kundendaten
  fr: donnee*, informations
  es: datos, informacion
  pt: dados, informacoes
  it: dati, informazioni
  pl: dane, danych
  ru: данн*, информаци*
  zh: 数据, 資料, 资料, 信息
  ja: データ, 情報
right
  en: rights, right, permission*, privilege*, entitle*
address
  en: address*, e mail address*, email address*, email, e mail
  de: adresse*, e mail adresse*
  fr: adresse*
  es: direccion*
  pt: endereco*
  it: indirizzo
  pl: adres*
  ru: адрес*
  zh: 地址
  ja: アドレス
domain
  en: domain*, tenant*, organi*
  de: domain*, domäne*
  fr: domaine*
  es: dominio*
  pt: dominio*
  it: dominio
  pl: domen*
  ru: домен*
  zh: 域名, 域
  ja: ドメイン
self
  en: account, identity, yourself, that it s you, it s you, you are, mailbox, ownership, phone, number, who you are,
      is you
  de: konto, identität, postfach
  fr: compte, identite, boite
  es: cuenta, identidad, buzon
  pt: conta, identidade, caixa
  it: account, identita, casella
  pl: konto, konta, tożsamość, skrzynk*
  ru: аккаунт*, учетн* запис*, личность, ящик*
  zh: 账号, 帐号, 帳號, 身份, 账户, 邮箱
  ja: アカウント, 本人, メールボックス
contact
  en: contact your, contact the, contact support, please contact, call support, administrator*, helpdesk, help desk,
      customer service
  de: administrator*, wenden sie sich, kundendienst
  fr: contactez, contacter, administrateur
  es: contacte, administrador
  pt: contate, entre em contato, administrador
  it: contattare, contatta, amministratore
  pl: skontaktuj, administrator*
  ru: обратитесь, администратор*
  zh: 联系, 管理员
  ja: 管理者, お問い合わせ
polite
  en: please, kindly
  de: bitte
  fr: veuillez, merci de
  es: por favor
  pt: por favor
  it: si prega, per favore
  pl: prosze, proszę
  ru: пожалуйста
  zh: 请, 請
  ja: してください, 下さい, ください
"""

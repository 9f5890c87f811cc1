<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
  <context>
    <name>Banner</name>
    <message>
      <source>Close this message</source>
      <translation>Diese Meldung schließen</translation>
    </message>
  </context>
  <context>
    <name>Chat</name>
    <message>
      <source>stopped</source>
      <translation>abgebrochen</translation>
    </message>
    <message>
      <source>The service sent something that is no answer.</source>
      <translation>Der Dienst hat etwas gesendet, das keine Antwort ist.</translation>
    </message>
    <message>
      <source>{count} tokens</source>
      <translation>{count} Token</translation>
    </message>
    <message>
      <source>{rate} tokens/s</source>
      <translation>{rate} Token/s</translation>
    </message>
    <message>
      <source>first after {seconds} s</source>
      <translation>erstes nach {seconds} s</translation>
    </message>
    <message>
      <source>The connection to the service was cut.</source>
      <translation>Die Verbindung zum Dienst wurde unterbrochen.</translation>
    </message>
  </context>
  <context>
    <name>ChatPage</name>
    <message>
      <source>Model to talk to</source>
      <translation>Modell für das Gespräch</translation>
    </message>
    <message>
      <source>Options</source>
      <translation>Optionen</translation>
    </message>
    <message>
      <source>New chat</source>
      <translation>Neuer Chat</translation>
    </message>
    <message>
      <source>System prompt, e.g. Be brief.</source>
      <translation>Systemprompt, z. B. Fasse dich kurz.</translation>
    </message>
    <message>
      <source>System prompt</source>
      <translation>Systemprompt</translation>
    </message>
    <message>
      <source>Temperature</source>
      <translation>Temperatur</translation>
    </message>
    <message>
      <source>0 is exact, higher is freer.</source>
      <translation>0 ist genau, höher ist freier.</translation>
    </message>
    <message>
      <source>The model's own</source>
      <translation>Wie im Modell</translation>
    </message>
    <message>
      <source>Your message</source>
      <translation>Deine Nachricht</translation>
    </message>
    <message>
      <source>Ask something. Enter sends, Shift+Enter starts a new line.</source>
      <translation>Frag etwas. Eingabe sendet, Umschalt+Eingabe beginnt eine neue Zeile.</translation>
    </message>
    <message>
      <source>Ask again</source>
      <translation>Nochmal fragen</translation>
    </message>
    <message>
      <source>Ask the last question again</source>
      <translation>Die letzte Frage noch einmal stellen</translation>
    </message>
    <message>
      <source>Copy chat</source>
      <translation>Chat kopieren</translation>
    </message>
    <message>
      <source>Copy the conversation as Markdown</source>
      <translation>Das Gespräch als Markdown kopieren</translation>
    </message>
    <message>
      <source>Conversation</source>
      <translation>Gespräch</translation>
    </message>
    <message>
      <source>The service does not run.</source>
      <translation>Der Dienst läuft nicht.</translation>
    </message>
    <message>
      <source>Pull model…</source>
      <translation>Modell holen…</translation>
    </message>
    <message>
      <source>No model to talk to yet</source>
      <translation>Noch kein Modell da</translation>
    </message>
    <message>
      <source>Pull one first, on the Models page.</source>
      <translation>Hole zuerst eines, auf der Seite Modelle.</translation>
    </message>
    <message>
      <source>Try a model here</source>
      <translation>Hier lässt sich ein Modell ausprobieren</translation>
    </message>
    <message>
      <source>Nothing you write leaves this computer.</source>
      <translation>Nichts, was du schreibst, verlässt diesen Rechner.</translation>
    </message>
    <message>
      <source>Stop</source>
      <translation>Stopp</translation>
    </message>
    <message>
      <source>Send</source>
      <translation>Senden</translation>
    </message>
    <message>
      <source>Chat</source>
      <translation>Chat</translation>
    </message>
  </context>
  <context>
    <name>Commands</name>
    <message>
      <source>{what} copied</source>
      <translation>{what} kopiert</translation>
    </message>
    <message>
      <source>A graphics card is gone</source>
      <translation>Eine Grafikkarte ist weg</translation>
    </message>
    <message>
      <source>{name} is back</source>
      <translation>{name} ist wieder da</translation>
    </message>
    <message>
      <source>{model} is ready to use</source>
      <translation>{model} ist bereit</translation>
    </message>
  </context>
  <context>
    <name>DeletionRow</name>
    <message>
      <source>The name {model} will be removed in {time}</source>
      <translation>Der Name {model} wird in {time} entfernt</translation>
    </message>
    <message>
      <source>{model} ({size}) will be deleted in {time}</source>
      <translation>{model} ({size}) wird in {time} gelöscht</translation>
    </message>
    <message>
      <source>Undo</source>
      <translation>Rückgängig</translation>
    </message>
    <message>
      <source>Keep {model}</source>
      <translation>{model} behalten</translation>
    </message>
  </context>
  <context>
    <name>Desktop</name>
    <message>
      <source>The details are in the app's output. Please report this.</source>
      <translation>Die Einzelheiten stehen in der Ausgabe der App. Bitte melde das.</translation>
    </message>
    <message>
      <source>Something went wrong in this app</source>
      <translation>In dieser App ist etwas schiefgegangen</translation>
    </message>
    <message>
      <source>DMR Desktop stays in the tray</source>
      <translation>DMR Desktop bleibt im Infobereich</translation>
    </message>
    <message>
      <source>Its menu has the ways to quit.</source>
      <translation>Beenden kannst du es über sein Menü.</translation>
    </message>
    <message>
      <source>Quit while a model is being pulled?</source>
      <translation>Beenden, während ein Modell geholt wird?</translation>
    </message>
    <message>
      <source>The pull ends. What came so far is kept: pulling again goes on from there.</source>
      <translation>Das Holen endet. Was schon da ist, bleibt: Beim nächsten Mal geht es dort weiter.</translation>
    </message>
    <message>
      <source>Quit</source>
      <translation>Beenden</translation>
    </message>
  </context>
  <context>
    <name>IntegrationsPage</name>
    <message>
      <source>Model in the snippets</source>
      <translation>Modell in den Beispielen</translation>
    </message>
    <message>
      <source>Program</source>
      <translation>Programm</translation>
    </message>
    <message>
      <source>Snippet</source>
      <translation>Beispiel</translation>
    </message>
    <message>
      <source>Copy</source>
      <translation>Kopieren</translation>
    </message>
    <message>
      <source>Copy the snippet</source>
      <translation>Das Beispiel kopieren</translation>
    </message>
    <message>
      <source>Test</source>
      <translation>Testen</translation>
    </message>
    <message>
      <source>TCP host access is off</source>
      <translation>Der TCP-Zugang ist aus</translation>
    </message>
    <message>
      <source>Programs on this computer cannot reach the models until it is on.</source>
      <translation>Programme auf diesem Rechner erreichen die Modelle erst, wenn er an ist.</translation>
    </message>
    <message>
      <source>Turn on</source>
      <translation>Einschalten</translation>
    </message>
    <message>
      <source>Stop</source>
      <translation>Stopp</translation>
    </message>
    <message>
      <source>Make this call now</source>
      <translation>Diesen Aufruf jetzt ausführen</translation>
    </message>
    <message>
      <source>Asking…</source>
      <translation>Frage läuft…</translation>
    </message>
    <message>
      <source>Stopped</source>
      <translation>Angehalten</translation>
    </message>
    <message>
      <source>Works ({seconds}): {text}</source>
      <translation>Funktioniert ({seconds}): {text}</translation>
    </message>
    <message>
      <source>Answered without text ({seconds}).</source>
      <translation>Antwort ohne Text ({seconds}).</translation>
    </message>
    <message>
      <source>No answer</source>
      <translation>Keine Antwort</translation>
    </message>
    <message>
      <source>Integrations</source>
      <translation>Anbindungen</translation>
    </message>
    <message>
      <source>Model</source>
      <translation>Modell</translation>
    </message>
  </context>
  <context>
    <name>KeyDialog</name>
    <message>
      <source>API key</source>
      <translation>API-Schlüssel</translation>
    </message>
    <message>
      <source>Copy</source>
      <translation>Kopieren</translation>
    </message>
    <message>
      <source>Copy the API key</source>
      <translation>Den API-Schlüssel kopieren</translation>
    </message>
    <message>
      <source>Your API key</source>
      <translation>Dein API-Schlüssel</translation>
    </message>
    <message>
      <source>It is shown only now: copy it to where the other machines need it.</source>
      <translation>Er wird nur jetzt gezeigt: Kopiere ihn dorthin, wo die anderen Rechner ihn brauchen.</translation>
    </message>
    <message>
      <source>Programs send it where they ask for an API key. If it is lost, make a new one.</source>
      <translation>Programme senden ihn, wo sie nach einem API-Schlüssel fragen. Ist er verloren, erzeuge einen neuen.</translation>
    </message>
  </context>
  <context>
    <name>LoadDialog</name>
    <message>
      <source>Load model</source>
      <translation>Modell laden</translation>
    </message>
    <message>
      <source>Context size</source>
      <translation>Kontextgröße</translation>
    </message>
    <message>
      <source>The model's own</source>
      <translation>Wie im Modell</translation>
    </message>
    <message>
      <source>Unload when idle</source>
      <translation>Entladen bei Untätigkeit</translation>
    </message>
    <message>
      <source>As the service is set</source>
      <translation>Wie der Dienst eingestellt ist</translation>
    </message>
    <message>
      <source>After 5 minutes</source>
      <translation>Nach 5 Minuten</translation>
    </message>
    <message>
      <source>After 30 minutes</source>
      <translation>Nach 30 Minuten</translation>
    </message>
    <message>
      <source>After 1 hour</source>
      <translation>Nach 1 Stunde</translation>
    </message>
    <message>
      <source>After 8 hours</source>
      <translation>Nach 8 Stunden</translation>
    </message>
    <message>
      <source>Never</source>
      <translation>Nie</translation>
    </message>
    <message>
      <source>Layers on the GPU</source>
      <translation>Schichten auf der GPU</translation>
    </message>
    <message>
      <source>All that fit</source>
      <translation>Alle, die passen</translation>
    </message>
    <message>
      <source>Threads</source>
      <translation>Threads</translation>
    </message>
    <message>
      <source>As many as this computer has cores</source>
      <translation>So viele, wie der Rechner Kerne hat</translation>
    </message>
    <message>
      <source>More flags</source>
      <translation>Weitere Optionen</translation>
    </message>
    <message>
      <source>Of llama-server, e.g. --flash-attn on</source>
      <translation>Von llama-server, z. B. --flash-attn on</translation>
    </message>
    <message>
      <source>Load</source>
      <translation>Laden</translation>
    </message>
    <message>
      <source>Copy as command</source>
      <translation>Als Befehl kopieren</translation>
    </message>
    <message>
      <source>After {time}</source>
      <translation>Nach {time}</translation>
    </message>
    <message>
      <source>Unknown</source>
      <translation>Unbekannt</translation>
    </message>
    <message>
      <source>How much memory this model needs cannot be told.</source>
      <translation>Wie viel Speicher dieses Modell braucht, lässt sich nicht sagen.</translation>
    </message>
    <message>
      <source>Needs about {need}; {have} are free.</source>
      <translation>Braucht etwa {need}; {have} sind frei.</translation>
    </message>
    <message>
      <source>Does not fit</source>
      <translation>Passt nicht</translation>
    </message>
    <message>
      <source>Up to {count} tokens of context would fit.</source>
      <translation>Bis zu {count} Token Kontext würden passen.</translation>
    </message>
    <message>
      <source>Unload other models or choose a smaller one.</source>
      <translation>Entlade andere Modelle oder nimm ein kleineres.</translation>
    </message>
    <message>
      <source>Tight</source>
      <translation>Knapp</translation>
    </message>
    <message>
      <source>Fits</source>
      <translation>Passt</translation>
    </message>
    <message>
      <source>{count} tokens</source>
      <translation>{count} Token</translation>
    </message>
  </context>
  <context>
    <name>LoadedList</name>
    <message>
      <source>None. A model is loaded by its first request, or from the Models page.</source>
      <translation>Keine. Ein Modell wird mit seiner ersten Anfrage geladen oder auf der Seite Modelle.</translation>
    </message>
    <message>
      <source>None yet. Pull a model first, e.g. ai/smollm2.</source>
      <translation>Noch keine. Hole zuerst ein Modell, z. B. ai/smollm2.</translation>
    </message>
  </context>
  <context>
    <name>LoadedRow</name>
    <message>
      <source>Unload</source>
      <translation>Entladen</translation>
    </message>
    <message>
      <source>Unload {model}</source>
      <translation>{model} entladen</translation>
    </message>
    <message>
      <source>Copy model name</source>
      <translation>Modellnamen kopieren</translation>
    </message>
    <message>
      <source>Copy as command</source>
      <translation>Als Befehl kopieren</translation>
    </message>
    <message>
      <source>It is answering a request.</source>
      <translation>Es beantwortet gerade eine Anfrage.</translation>
    </message>
  </context>
  <context>
    <name>LogsPage</name>
    <message>
      <source>Which lines</source>
      <translation>Welche Zeilen</translation>
    </message>
    <message>
      <source>All lines</source>
      <translation>Alle Zeilen</translation>
    </message>
    <message>
      <source>Service only</source>
      <translation>Nur der Dienst</translation>
    </message>
    <message>
      <source>Warnings and errors</source>
      <translation>Warnungen und Fehler</translation>
    </message>
    <message>
      <source>Errors only</source>
      <translation>Nur Fehler</translation>
    </message>
    <message>
      <source>Filter, e.g. a model's name</source>
      <translation>Filter, z. B. ein Modellname</translation>
    </message>
    <message>
      <source>Filter the lines</source>
      <translation>Die Zeilen filtern</translation>
    </message>
    <message>
      <source>Log</source>
      <translation>Protokoll</translation>
    </message>
    <message>
      <source>Follow</source>
      <translation>Folgen</translation>
    </message>
    <message>
      <source>Go to the end and follow</source>
      <translation>Zum Ende gehen und folgen</translation>
    </message>
    <message>
      <source>Copy</source>
      <translation>Kopieren</translation>
    </message>
    <message>
      <source>Copy the lines shown</source>
      <translation>Die gezeigten Zeilen kopieren</translation>
    </message>
    <message>
      <source>Save…</source>
      <translation>Speichern…</translation>
    </message>
    <message>
      <source>Save the lines shown in a file</source>
      <translation>Die gezeigten Zeilen in einer Datei speichern</translation>
    </message>
    <message>
      <source>Bug report…</source>
      <translation>Fehlerbericht…</translation>
    </message>
    <message>
      <source>Save what a bug report needs, without keys and tokens</source>
      <translation>Speichern, was ein Fehlerbericht braucht, ohne Schlüssel und Token</translation>
    </message>
    <message>
      <source>{shown} of {count} lines</source>
      <translation>{shown} von {count} Zeilen</translation>
    </message>
    <message>
      <source>Save the log</source>
      <translation>Protokoll speichern</translation>
    </message>
    <message>
      <source>Save the bug report</source>
      <translation>Fehlerbericht speichern</translation>
    </message>
    <message>
      <source>Could not save the log</source>
      <translation>Das Protokoll konnte nicht gespeichert werden</translation>
    </message>
    <message>
      <source>Choose another folder.</source>
      <translation>Wähle einen anderen Ordner.</translation>
    </message>
    <message>
      <source>Log saved in {path}</source>
      <translation>Protokoll gespeichert in {path}</translation>
    </message>
    <message>
      <source>Logs</source>
      <translation>Protokolle</translation>
    </message>
  </context>
  <context>
    <name>MessageView</name>
    <message>
      <source>You</source>
      <translation>Du</translation>
    </message>
    <message>
      <source>Model</source>
      <translation>Modell</translation>
    </message>
    <message>
      <source>Show reasoning</source>
      <translation>Gedankengang zeigen</translation>
    </message>
    <message>
      <source>Copy</source>
      <translation>Kopieren</translation>
    </message>
    <message>
      <source>Copy this message</source>
      <translation>Diese Nachricht kopieren</translation>
    </message>
    <message>
      <source>Copy code</source>
      <translation>Code kopieren</translation>
    </message>
    <message>
      <source>Copy the code of this message</source>
      <translation>Den Code dieser Nachricht kopieren</translation>
    </message>
    <message>
      <source>Message</source>
      <translation>Nachricht</translation>
    </message>
    <message>
      <source>Code</source>
      <translation>Code</translation>
    </message>
    <message>
      <source>Hide reasoning</source>
      <translation>Gedankengang verbergen</translation>
    </message>
  </context>
  <context>
    <name>MetricCard</name>
    <message>
      <source>History of {metric}</source>
      <translation>Verlauf: {metric}</translation>
    </message>
  </context>
  <context>
    <name>Metrics</name>
    <message>
      <source>GPU</source>
      <translation>GPU</translation>
    </message>
    <message>
      <source>GPU memory</source>
      <translation>GPU-Speicher</translation>
    </message>
    <message>
      <source>CPU</source>
      <translation>CPU</translation>
    </message>
    <message>
      <source>Memory</source>
      <translation>Speicher</translation>
    </message>
    <message>
      <source>How far back the curves go</source>
      <translation>Wie weit die Kurven zurückreichen</translation>
    </message>
    <message>
      <source>2 minutes</source>
      <translation>2 Minuten</translation>
    </message>
    <message>
      <source>30 minutes</source>
      <translation>30 Minuten</translation>
    </message>
    <message>
      <source>This computer</source>
      <translation>Dieser Rechner</translation>
    </message>
  </context>
  <context>
    <name>ModelMenu</name>
    <message>
      <source>Open in chat</source>
      <translation>Im Chat öffnen</translation>
    </message>
    <message>
      <source>Copy as command</source>
      <translation>Als Befehl kopieren</translation>
    </message>
    <message>
      <source>Load</source>
      <translation>Laden</translation>
    </message>
    <message>
      <source>Unload</source>
      <translation>Entladen</translation>
    </message>
    <message>
      <source>Chat</source>
      <translation>Chat</translation>
    </message>
    <message>
      <source>Delete</source>
      <translation>Löschen</translation>
    </message>
  </context>
  <context>
    <name>ModelTable</name>
    <message>
      <source>Model</source>
      <translation>Modell</translation>
    </message>
    <message>
      <source>Size</source>
      <translation>Größe</translation>
    </message>
    <message>
      <source>Parameters</source>
      <translation>Parameter</translation>
    </message>
    <message>
      <source>Quantization</source>
      <translation>Quantisierung</translation>
    </message>
    <message>
      <source>Architecture</source>
      <translation>Architektur</translation>
    </message>
    <message>
      <source>Context</source>
      <translation>Kontext</translation>
    </message>
    <message>
      <source>Last used</source>
      <translation>Zuletzt benutzt</translation>
    </message>
    <message>
      <source>State</source>
      <translation>Zustand</translation>
    </message>
  </context>
  <context>
    <name>ModelsPage</name>
    <message>
      <source>Filter by name</source>
      <translation>Nach Namen filtern</translation>
    </message>
    <message>
      <source>Filter the models by name</source>
      <translation>Die Modelle nach Namen filtern</translation>
    </message>
    <message>
      <source>Load</source>
      <translation>Laden</translation>
    </message>
    <message>
      <source>Unload</source>
      <translation>Entladen</translation>
    </message>
    <message>
      <source>Load with…</source>
      <translation>Laden mit…</translation>
    </message>
    <message>
      <source>Choose how the model is loaded</source>
      <translation>Wählen, wie das Modell geladen wird</translation>
    </message>
    <message>
      <source>Copy name</source>
      <translation>Namen kopieren</translation>
    </message>
    <message>
      <source>Delete…</source>
      <translation>Löschen…</translation>
    </message>
    <message>
      <source>Delete the model</source>
      <translation>Das Modell löschen</translation>
    </message>
    <message>
      <source>The models are shown when the service runs.</source>
      <translation>Die Modelle erscheinen, wenn der Dienst läuft.</translation>
    </message>
    <message>
      <source>No model has such a name</source>
      <translation>Kein Modell heißt so</translation>
    </message>
    <message>
      <source>Type a name above and press Pull, or begin with one of these.
Names of Hugging Face work too.</source>
      <translation>Gib oben einen Namen ein oder beginne mit einem von diesen.
Auch Namen von Hugging Face gehen.</translation>
    </message>
    <message>
      <source>No models yet</source>
      <translation>Noch keine Modelle</translation>
    </message>
    <message>
      <source>Stored models</source>
      <translation>Gespeicherte Modelle</translation>
    </message>
    <message>
      <source>Models</source>
      <translation>Modelle</translation>
    </message>
    <message>
      <source>Delete model</source>
      <translation>Modell löschen</translation>
    </message>
    <message>
      <source>Delete {model}?</source>
      <translation>{model} löschen?</translation>
    </message>
    <message>
      <source>Delete</source>
      <translation>Löschen</translation>
    </message>
    <message>
      <source>Only this name goes; the model stays under its other names.</source>
      <translation>Nur dieser Name verschwindet; unter den anderen bleibt das Modell.</translation>
    </message>
    <message>
      <source>This frees up to {size}.</source>
      <translation>Das macht bis zu {size} frei.</translation>
    </message>
    <message>
      <source>The model is loaded and will be unloaded first.</source>
      <translation>Das Modell ist geladen und wird zuerst entladen.</translation>
    </message>
  </context>
  <context>
    <name>NetworkDialog</name>
    <message>
      <source>Make a new API key?</source>
      <translation>Neuen API-Schlüssel erzeugen?</translation>
    </message>
    <message>
      <source>Let the local network in?</source>
      <translation>Das lokale Netz hereinlassen?</translation>
    </message>
    <message>
      <source>Looking for the addresses of this computer…</source>
      <translation>Die Adressen dieses Rechners werden gesucht…</translation>
    </message>
    <message>
      <source>Make new key</source>
      <translation>Neu erzeugen</translation>
    </message>
    <message>
      <source>Let it in</source>
      <translation>Hereinlassen</translation>
    </message>
    <message>
      <source>Copy as command</source>
      <translation>Als Befehl kopieren</translation>
    </message>
    <message>
      <source>The key so far stops working at once, for every program that has it.</source>
      <translation>Der bisherige Schlüssel gilt sofort nicht mehr, für kein Programm, das ihn hat.</translation>
    </message>
    <message>
      <source>Other machines will reach this computer at:</source>
      <translation>Andere Rechner erreichen diesen dann unter:</translation>
    </message>
    <message>
      <source>At which addresses this computer is reached cannot be told.</source>
      <translation>Unter welchen Adressen dieser Rechner erreicht wird, ist nicht zu erfahren.</translation>
    </message>
    <message>
      <source>This computer is in no local network at the moment. It lets one in as soon as it is in one.</source>
      <translation>Dieser Rechner ist gerade in keinem lokalen Netz. Sobald er in einem ist, wird es hereingelassen.</translation>
    </message>
    <message>
      <source>Who has the API key can use, pull and delete models, change settings, and read requests and logs. Without the key nobody gets in; programs on this computer go on without one.</source>
      <translation>Wer den API-Schlüssel hat, kann Modelle nutzen, laden und löschen, Einstellungen ändern und Anfragen und Protokolle lesen. Ohne den Schlüssel kommt niemand herein; Programme auf diesem Rechner brauchen weiter keinen.</translation>
    </message>
    <message>
      <source>Nothing is encrypted, the key neither: do this only in a network that you trust. A firewall on this computer may have to let the port in.</source>
      <translation>Nichts wird verschlüsselt, auch der Schlüssel nicht: Tu das nur in einem Netz, dem du vertraust. Eine Firewall auf diesem Rechner muss den Port vielleicht erst durchlassen.</translation>
    </message>
    <message>
      <source>The key is the one of your settings (api_key).</source>
      <translation>Der Schlüssel ist der aus deinen Einstellungen (api_key).</translation>
    </message>
    <message>
      <source>The key that was made before is still the one that works.</source>
      <translation>Der früher erzeugte Schlüssel gilt weiter.</translation>
    </message>
    <message>
      <source>A key is made and shown to you once.</source>
      <translation>Ein Schlüssel wird erzeugt und dir einmal gezeigt.</translation>
    </message>
  </context>
  <context>
    <name>NetworkRow</name>
    <message>
      <source>This computer</source>
      <translation>Dieser Rechner</translation>
    </message>
    <message>
      <source>Local network</source>
      <translation>Lokales Netz</translation>
    </message>
    <message>
      <source>New API key…</source>
      <translation>Neuer API-Schlüssel…</translation>
    </message>
    <message>
      <source>Copy URL</source>
      <translation>URL kopieren</translation>
    </message>
    <message>
      <source>Copy the base URL for the local network</source>
      <translation>Die Basis-URL für das lokale Netz kopieren</translation>
    </message>
    <message>
      <source>Copy as command</source>
      <translation>Als Befehl kopieren</translation>
    </message>
  </context>
  <context>
    <name>OverviewPage</name>
    <message>
      <source>Overview</source>
      <translation>Übersicht</translation>
    </message>
    <message>
      <source>Pull model…</source>
      <translation>Modell holen…</translation>
    </message>
    <message>
      <source>Pull a model</source>
      <translation>Ein Modell holen</translation>
    </message>
    <message>
      <source>Loaded models</source>
      <translation>Geladene Modelle</translation>
    </message>
    <message>
      <source>Welcome</source>
      <translation>Willkommen</translation>
    </message>
  </context>
  <context>
    <name>PanelWindow</name>
    <message>
      <source>Menu</source>
      <translation>Menü</translation>
    </message>
    <message>
      <source>Use {port}</source>
      <translation>{port} nehmen</translation>
    </message>
    <message>
      <source>Retry</source>
      <translation>Nochmal versuchen</translation>
    </message>
    <message>
      <source>Pull again</source>
      <translation>Noch einmal holen</translation>
    </message>
    <message>
      <source>No system tray found. Closing this window quits the app, not the service.</source>
      <translation>Kein Infobereich gefunden. Das Schließen beendet die App, nicht den Dienst.</translation>
    </message>
    <message>
      <source>Start service</source>
      <translation>Dienst starten</translation>
    </message>
    <message>
      <source>The service is stopped</source>
      <translation>Der Dienst ist angehalten</translation>
    </message>
    <message>
      <source>Models cannot be used.</source>
      <translation>Modelle sind nicht nutzbar.</translation>
    </message>
    <message>
      <source>The service does not run</source>
      <translation>Der Dienst läuft nicht</translation>
    </message>
    <message>
      <source>No connection to the service</source>
      <translation>Keine Verbindung zum Dienst</translation>
    </message>
    <message>
      <source>Sections</source>
      <translation>Bereiche</translation>
    </message>
    <message>
      <source>Overview</source>
      <translation>Übersicht</translation>
    </message>
    <message>
      <source>Models</source>
      <translation>Modelle</translation>
    </message>
    <message>
      <source>Chat</source>
      <translation>Chat</translation>
    </message>
    <message>
      <source>Integrations</source>
      <translation>Anbindungen</translation>
    </message>
    <message>
      <source>Requests</source>
      <translation>Anfragen</translation>
    </message>
    <message>
      <source>Logs</source>
      <translation>Protokolle</translation>
    </message>
    <message>
      <source>Settings</source>
      <translation>Einstellungen</translation>
    </message>
  </context>
  <context>
    <name>Problems</name>
    <message>
      <source>The service may be restarting: try again in a moment.</source>
      <translation>Der Dienst startet vielleicht gerade neu: Versuche es gleich noch einmal.</translation>
    </message>
    <message>
      <source>The service answered {status}.</source>
      <translation>Der Dienst antwortete {status}.</translation>
    </message>
    <message>
      <source>Check the spelling, e.g. ai/smollm2 or ai/qwen3:8B-Q4_K_M.</source>
      <translation>Prüfe die Schreibweise, z. B. ai/smollm2 oder ai/qwen3:8B-Q4_K_M.</translation>
    </message>
    <message>
      <source>Log in to the registry first, e.g. with docker login.</source>
      <translation>Melde dich zuerst bei der Registry an, z. B. mit docker login.</translation>
    </message>
    <message>
      <source>Check the name and the tag; the model may be gone or private.</source>
      <translation>Prüfe Namen und Tag; vielleicht ist das Modell gelöscht oder privat.</translation>
    </message>
    <message>
      <source>Something else uses it: stop that first, then try again.</source>
      <translation>Etwas anderes benutzt es: Beende das zuerst und versuche es dann noch einmal.</translation>
    </message>
    <message>
      <source>Only models packaged for Docker Model Runner or GGUF files can be used.</source>
      <translation>Nutzbar sind nur Modelle, die für Docker Model Runner gepackt sind, und GGUF-Dateien.</translation>
    </message>
    <message>
      <source>Wait for running requests to end, then try again.</source>
      <translation>Warte, bis laufende Anfragen fertig sind, und versuche es dann noch einmal.</translation>
    </message>
    <message>
      <source>The service is shutting down or not ready: try again in a moment.</source>
      <translation>Der Dienst fährt herunter oder ist nicht bereit: Versuche es gleich noch einmal.</translation>
    </message>
    <message>
      <source>Unload another model or choose a smaller one.</source>
      <translation>Entlade ein anderes Modell oder nimm ein kleineres.</translation>
    </message>
    <message>
      <source>The service log has the details.</source>
      <translation>Einzelheiten stehen im Protokoll des Dienstes.</translation>
    </message>
  </context>
  <context>
    <name>PullField</name>
    <message>
      <source>Pull</source>
      <translation>Holen</translation>
    </message>
    <message>
      <source>Pull a model, e.g. ai/smollm2</source>
      <translation>Modell holen, z. B. ai/smollm2</translation>
    </message>
    <message>
      <source>Model to pull</source>
      <translation>Modell, das geholt wird</translation>
    </message>
    <message>
      <source>Asking the registry…</source>
      <translation>Frage an die Registry…</translation>
    </message>
  </context>
  <context>
    <name>PullRow</name>
    <message>
      <source>Progress of {model}</source>
      <translation>Fortschritt von {model}</translation>
    </message>
    <message>
      <source>Cancel</source>
      <translation>Abbrechen</translation>
    </message>
    <message>
      <source>Cancel pulling {model}</source>
      <translation>Holen von {model} abbrechen</translation>
    </message>
    <message>
      <source>Pause</source>
      <translation>Anhalten</translation>
    </message>
    <message>
      <source>Pulling {model}</source>
      <translation>Hole {model}</translation>
    </message>
    <message>
      <source>Copy as command</source>
      <translation>Als Befehl kopieren</translation>
    </message>
    <message>
      <source>Pause pulling {model}</source>
      <translation>Holen von {model} anhalten</translation>
    </message>
    <message>
      <source>Resume</source>
      <translation>Fortsetzen</translation>
    </message>
    <message>
      <source>Go on pulling {model}</source>
      <translation>{model} weiter holen</translation>
    </message>
    <message>
      <source>Paused</source>
      <translation>Angehalten</translation>
    </message>
  </context>
  <context>
    <name>Pulls</name>
    <message>
      <source>The service sent something that is no progress.</source>
      <translation>Der Dienst hat etwas gesendet, das kein Fortschritt ist.</translation>
    </message>
    <message>
      <source>Could not pull {model}</source>
      <translation>{model} konnte nicht geholt werden</translation>
    </message>
    <message>
      <source>Pull again: finished parts are kept.</source>
      <translation>Hole es noch einmal: Fertige Teile bleiben erhalten.</translation>
    </message>
    <message>
      <source>The connection to the service was cut.</source>
      <translation>Die Verbindung zum Dienst wurde unterbrochen.</translation>
    </message>
    <message>
      <source>Check the network, then pull again.</source>
      <translation>Prüfe das Netz und hole es dann noch einmal.</translation>
    </message>
  </context>
  <context>
    <name>RequestTable</name>
    <message>
      <source>Time</source>
      <translation>Zeit</translation>
    </message>
    <message>
      <source>Model</source>
      <translation>Modell</translation>
    </message>
    <message>
      <source>Endpoint</source>
      <translation>Endpunkt</translation>
    </message>
    <message>
      <source>State</source>
      <translation>Zustand</translation>
    </message>
    <message>
      <source>Tokens</source>
      <translation>Token</translation>
    </message>
    <message>
      <source>Duration</source>
      <translation>Dauer</translation>
    </message>
    <message>
      <source>Program</source>
      <translation>Programm</translation>
    </message>
  </context>
  <context>
    <name>RequestsPage</name>
    <message>
      <source>Requests</source>
      <translation>Anfragen</translation>
    </message>
    <message>
      <source>Which text</source>
      <translation>Welcher Text</translation>
    </message>
    <message>
      <source>Request</source>
      <translation>Anfrage</translation>
    </message>
    <message>
      <source>Answer</source>
      <translation>Antwort</translation>
    </message>
    <message>
      <source>Text of the request</source>
      <translation>Text der Anfrage</translation>
    </message>
    <message>
      <source>Copy</source>
      <translation>Kopieren</translation>
    </message>
    <message>
      <source>Copy this text</source>
      <translation>Diesen Text kopieren</translation>
    </message>
    <message>
      <source>Copy as curl</source>
      <translation>Als curl kopieren</translation>
    </message>
    <message>
      <source>Open in chat</source>
      <translation>Im Chat öffnen</translation>
    </message>
    <message>
      <source>Ask this again in the chat</source>
      <translation>Dies im Chat noch einmal fragen</translation>
    </message>
    <message>
      <source>No request yet</source>
      <translation>Noch keine Anfrage</translation>
    </message>
    <message>
      <source>What programs ask the models shows up here, with its outcome and speed.</source>
      <translation>Was Programme die Modelle fragen, steht hier, mit Ergebnis und Tempo.</translation>
    </message>
    <message>
      <source>How to connect a program</source>
      <translation>So wird ein Programm verbunden</translation>
    </message>
    <message>
      <source>The requests are shown when the service runs.</source>
      <translation>Die Anfragen erscheinen, wenn der Dienst läuft.</translation>
    </message>
    <message>
      <source>Text</source>
      <translation>Text</translation>
    </message>
    <message>
      <source>Copy model name</source>
      <translation>Modellnamen kopieren</translation>
    </message>
    <message>
      <source>Choose a request to see it.</source>
      <translation>Wähle eine Anfrage, um sie zu sehen.</translation>
    </message>
    <message>
      <source>The text of the last requests is kept in memory while their model is loaded.</source>
      <translation>Der Text der letzten Anfragen bleibt im Speicher, solange ihr Modell geladen ist.</translation>
    </message>
  </context>
  <context>
    <name>ServiceApi</name>
    <message>
      <source>TCP host access stays off</source>
      <translation>Der TCP-Zugang bleibt aus</translation>
    </message>
    <message>
      <source>TCP host access stays on</source>
      <translation>Der TCP-Zugang bleibt an</translation>
    </message>
    <message>
      <source>Could not change which web pages may use the models</source>
      <translation>Welche Webseiten die Modelle nutzen dürfen, ließ sich nicht ändern</translation>
    </message>
    <message>
      <source>The local network stays out</source>
      <translation>Das lokale Netz bleibt draußen</translation>
    </message>
    <message>
      <source>The local network stays in</source>
      <translation>Das lokale Netz bleibt zugelassen</translation>
    </message>
    <message>
      <source>Container access stays off</source>
      <translation>Der Zugang für Container bleibt aus</translation>
    </message>
    <message>
      <source>Container access stays on</source>
      <translation>Der Zugang für Container bleibt an</translation>
    </message>
    <message>
      <source>Could not load {model}</source>
      <translation>{model} konnte nicht geladen werden</translation>
    </message>
    <message>
      <source>Could not change how {model} is loaded</source>
      <translation>Es konnte nicht geändert werden, wie {model} geladen wird</translation>
    </message>
    <message>
      <source>Could not unload {model}</source>
      <translation>{model} konnte nicht entladen werden</translation>
    </message>
    <message>
      <source>Could not delete {model}</source>
      <translation>{model} konnte nicht gelöscht werden</translation>
    </message>
    <message>
      <source>Could not stop the service</source>
      <translation>Der Dienst konnte nicht angehalten werden</translation>
    </message>
    <message>
      <source>The model is answering a request.</source>
      <translation>Das Modell beantwortet gerade eine Anfrage.</translation>
    </message>
    <message>
      <source>Wait until it is idle, then unload it.</source>
      <translation>Warte, bis es untätig ist, und entlade es dann.</translation>
    </message>
  </context>
  <context>
    <name>ServiceLink</name>
    <message>
      <source>The running service is of another version. Stop it, then start it again.</source>
      <translation>Der laufende Dienst hat eine andere Version. Halte ihn an und starte ihn neu.</translation>
    </message>
    <message>
      <source>Another program answers on the service's socket. Set MODEL_RUNNER_SOCK to another path.</source>
      <translation>Auf dem Socket des Dienstes antwortet ein anderes Programm. Setze MODEL_RUNNER_SOCK auf einen anderen Pfad.</translation>
    </message>
    <message>
      <source>The service does not answer.</source>
      <translation>Der Dienst antwortet nicht.</translation>
    </message>
    <message>
      <source>The service went away and is being restarted.</source>
      <translation>Der Dienst ist weg und wird neu gestartet.</translation>
    </message>
    <message>
      <source>The service was started three times within a minute and went away each time.</source>
      <translation>Der Dienst wurde in einer Minute dreimal gestartet und war jedes Mal wieder weg.</translation>
    </message>
    <message>
      <source>The service was started and does not answer.</source>
      <translation>Der Dienst wurde gestartet und antwortet nicht.</translation>
    </message>
    <message>
      <source>The service ended right after its start.</source>
      <translation>Der Dienst endete gleich nach dem Start.</translation>
    </message>
  </context>
  <context>
    <name>ServiceWords</name>
    <message>
      <source>port {port} is in use by another program</source>
      <translation>Port {port} wird von einem anderen Programm benutzt</translation>
    </message>
    <message>
      <source>port {port} is in use by {owner}</source>
      <translation>Port {port} wird von {owner} benutzt</translation>
    </message>
    <message>
      <source>{name} (process {pid})</source>
      <translation>{name} (Prozess {pid})</translation>
    </message>
    <message>
      <source>port {port} is reserved by the system</source>
      <translation>Port {port} ist dem System vorbehalten</translation>
    </message>
    <message>
      <source>stop that program, or choose another port</source>
      <translation>beende dieses Programm oder wähle einen anderen Port</translation>
    </message>
    <message>
      <source>choose a port above 1023</source>
      <translation>wähle einen Port über 1023</translation>
    </message>
    <message>
      <source>this machine has no network with the address {address}</source>
      <translation>dieser Rechner hat kein Netz mit der Adresse {address}</translation>
    </message>
    <message>
      <source>is the container engine on?</source>
      <translation>läuft die Container-Engine?</translation>
    </message>
    <message>
      <source>this computer is in no local network at the moment</source>
      <translation>dieser Rechner ist gerade in keinem lokalen Netz</translation>
    </message>
    <message>
      <source>the API key is gone: make a new one</source>
      <translation>der API-Schlüssel ist weg: erzeuge einen neuen</translation>
    </message>
    <message>
      <source>the local network is let in only with an API key</source>
      <translation>das lokale Netz wird nur mit einem API-Schlüssel hereingelassen</translation>
    </message>
    <message>
      <source>make one with it</source>
      <translation>erzeuge dabei einen</translation>
    </message>
    <message>
      <source>the API key is set by api_key in config.toml or by DMR_API_KEY</source>
      <translation>der API-Schlüssel ist mit api_key in config.toml oder DMR_API_KEY gesetzt</translation>
    </message>
    <message>
      <source>change it there, then restart</source>
      <translation>ändere ihn dort und starte neu</translation>
    </message>
    <message>
      <source>the API key cannot be kept in {file}: {reason}</source>
      <translation>der API-Schlüssel kann nicht in {file} abgelegt werden: {reason}</translation>
    </message>
    <message>
      <source>the model needs about {need} MiB of memory, {have} MiB can be had</source>
      <translation>das Modell braucht etwa {need} MiB Speicher, {have} MiB sind zu haben</translation>
    </message>
    <message>
      <source>choose a smaller model or quantization, configure a smaller context, or close other programs</source>
      <translation>wähle ein kleineres Modell oder eine stärkere Quantisierung, einen kleineren Kontext, oder schließe andere Programme</translation>
    </message>
    <message>
      <source>the model's process died: {cause}</source>
      <translation>der Prozess des Modells ist abgestürzt: {cause}</translation>
    </message>
    <message>
      <source>killed by {signal}</source>
      <translation>beendet durch {signal}</translation>
    </message>
    <message>
      <source>exited with code {code}</source>
      <translation>beendet mit Code {code}</translation>
    </message>
    <message>
      <source>send the request again: a new process is started; the log tells more</source>
      <translation>sende die Anfrage noch einmal: ein neuer Prozess wird gestartet; das Protokoll sagt mehr</translation>
    </message>
    <message>
      <source>the model's process died {count} times within {window} s, so it is not started again for {left} s</source>
      <translation>der Prozess des Modells ist in {window} s {count}-mal abgestürzt und wird für {left} s nicht neu gestartet</translation>
    </message>
    <message>
      <source>unload the model to try again at once; the log tells why it died</source>
      <translation>entlade das Modell, um es gleich wieder zu versuchen; das Protokoll sagt, warum es abstürzte</translation>
    </message>
    <message>
      <source>the model's process cannot be started: {reason}</source>
      <translation>der Prozess des Modells kann nicht gestartet werden: {reason}</translation>
    </message>
    <message>
      <source>the model was not loaded after {seconds} s</source>
      <translation>das Modell war nach {seconds} s noch nicht geladen</translation>
    </message>
    <message>
      <source>the model may be too large for this machine; the log tells how far it came</source>
      <translation>vielleicht ist es zu groß für diesen Rechner; das Protokoll sagt, wie weit es kam</translation>
    </message>
    <message>
      <source>the model cannot be loaded: {reason}</source>
      <translation>das Modell kann nicht geladen werden: {reason}</translation>
    </message>
    <message>
      <source>the model cannot be read: {reason}</source>
      <translation>das Modell kann nicht gelesen werden: {reason}</translation>
    </message>
    <message>
      <source>{count} requests for {model} are already running or waiting</source>
      <translation>für {model} laufen oder warten schon {count} Anfragen</translation>
    </message>
    <message>
      <source>try again in a moment</source>
      <translation>versuche es gleich noch einmal</translation>
    </message>
    <message>
      <source>{model} was unloaded while it was loading</source>
      <translation>{model} wurde beim Laden wieder entladen</translation>
    </message>
    <message>
      <source>{model} was unloaded</source>
      <translation>{model} wurde entladen</translation>
    </message>
    <message>
      <source>{model} did not answer any more and is loaded anew</source>
      <translation>{model} antwortete nicht mehr und wird neu geladen</translation>
    </message>
    <message>
      <source>the model is still being loaded</source>
      <translation>das Modell wird noch geladen</translation>
    </message>
    <message>
      <source>runner already active</source>
      <translation>das Modell ist schon in Gebrauch</translation>
    </message>
    <message>
      <source>wait until its requests have ended, or unload it</source>
      <translation>warte das Ende seiner Anfragen ab oder entlade es</translation>
    </message>
    <message>
      <source>model '{name}' is in use by {count} requests</source>
      <translation>{count} Anfragen benutzen das Modell „{name}“</translation>
    </message>
    <message>
      <source>GGUF file required by llama.cpp backend</source>
      <translation>llama.cpp braucht eine GGUF-Datei</translation>
    </message>
    <message>
      <source>no supported model weights found: the model holds no GGUF file</source>
      <translation>das Modell enthält keine GGUF-Datei</translation>
    </message>
    <message>
      <source>this version runs GGUF models</source>
      <translation>diese Version führt GGUF-Modelle aus</translation>
    </message>
    <message>
      <source>the service is shutting down</source>
      <translation>der Dienst wird gerade beendet</translation>
    </message>
    <message>
      <source>`dmr pull {name}` gets it, `dmr ls` lists what is here</source>
      <translation>`dmr pull {name}` holt es, `dmr ls` zeigt, was da ist</translation>
    </message>
    <message>
      <source>This version reads no images: the model's vision part is not used.</source>
      <translation>Diese Version liest keine Bilder: Der Bildteil des Modells wird nicht benutzt.</translation>
    </message>
    <message>
      <source>{layers} of {count} layers are on the graphics card, whose memory holds no more; the rest runs on the processor. A smaller context or a smaller quantization leaves room for more.</source>
      <translation>{layers} von {count} Schichten sind auf der Grafikkarte, mehr fasst ihr Speicher nicht; der Rest läuft auf dem Prozessor. Ein kleinerer Kontext oder eine stärkere Quantisierung macht Platz für mehr.</translation>
    </message>
    <message>
      <source>Model not found</source>
      <translation>Modell nicht gefunden</translation>
    </message>
    <message>
      <source>model not found</source>
      <translation>Modell nicht gefunden</translation>
    </message>
    <message>
      <source>Unauthorized</source>
      <translation>Nicht angemeldet</translation>
    </message>
    <message>
      <source>check the name and the tag on {registry}</source>
      <translation>prüfe Name und Tag auf {registry}</translation>
    </message>
    <message>
      <source>check the name; if it is private: docker login {registry}</source>
      <translation>prüfe den Namen; wenn es privat ist: docker login {registry}</translation>
    </message>
    <message>
      <source>the {mode} was cancelled</source>
      <translation>der Vorgang ({mode}) wurde abgebrochen</translation>
    </message>
    <message>
      <source>waiting: {count} other {transfers} are under way</source>
      <translation>wartet: {count} andere Vorgänge ({transfers}) laufen gerade</translation>
    </message>
    <message>
      <source>not enough disk space for the model: {need} MiB more needed, {have} MiB free</source>
      <translation>nicht genug Platz für das Modell: {need} MiB mehr nötig, {have} MiB frei</translation>
    </message>
    <message>
      <source>free some space, or remove models you no longer need</source>
      <translation>schaffe Platz oder lösche Modelle, die du nicht mehr brauchst</translation>
    </message>
    <message>
      <source>no space left on the disk while {doing}</source>
      <translation>kein Platz mehr auf der Platte ({doing})</translation>
    </message>
    <message>
      <source>free some space and try again</source>
      <translation>schaffe Platz und versuche es noch einmal</translation>
    </message>
    <message>
      <source>digest mismatch (registry or proxy sends wrong data)</source>
      <translation>falsche Prüfsumme (Registry oder Proxy senden falsche Daten)</translation>
    </message>
    <message>
      <source>try another network, or ask whoever runs the registry</source>
      <translation>versuche ein anderes Netz oder frage die Betreiber der Registry</translation>
    </message>
    <message>
      <source>the registry cannot be reached</source>
      <translation>die Registry ist nicht erreichbar</translation>
    </message>
    <message>
      <source>the registry stopped answering</source>
      <translation>die Registry antwortet nicht mehr</translation>
    </message>
    <message>
      <source>the connection to the registry broke</source>
      <translation>die Verbindung zur Registry ist abgerissen</translation>
    </message>
    <message>
      <source>check the name of the registry and your network connection</source>
      <translation>prüfe den Namen der Registry und deine Netzverbindung</translation>
    </message>
    <message>
      <source>the registry's certificate is not trusted</source>
      <translation>dem Zertifikat der Registry wird nicht vertraut</translation>
    </message>
    <message>
      <source>name the file with its authority in ca_file (DMR_CA_FILE) or SSL_CERT_FILE</source>
      <translation>nenne die Datei mit ihrer Zertifizierungsstelle in ca_file (DMR_CA_FILE) oder SSL_CERT_FILE</translation>
    </message>
    <message>
      <source>the proxy refuses to connect to the registry</source>
      <translation>der Proxy verweigert die Verbindung zur Registry</translation>
    </message>
    <message>
      <source>check HTTPS_PROXY and NO_PROXY, and your log-in there</source>
      <translation>prüfe HTTPS_PROXY und NO_PROXY und deine Anmeldung dort</translation>
    </message>
    <message>
      <source>the registry has a problem of its own</source>
      <translation>die Registry hat selbst ein Problem</translation>
    </message>
    <message>
      <source>try again later</source>
      <translation>versuche es später noch einmal</translation>
    </message>
    <message>
      <source>the rate limit of {registry} is reached</source>
      <translation>das Abruflimit von {registry} ist erreicht</translation>
    </message>
    <message>
      <source>wait {seconds} seconds, or {other}</source>
      <translation>warte {seconds} Sekunden oder {other}</translation>
    </message>
    <message>
      <source>log in for a higher limit: docker login {registry}</source>
      <translation>melde dich für ein höheres Limit an: docker login {registry}</translation>
    </message>
    <message>
      <source>a web page came instead of the registry's answer</source>
      <translation>statt der Antwort der Registry kam eine Webseite</translation>
    </message>
    <message>
      <source>this network may want you to log in first (captive portal), or a proxy is in the way</source>
      <translation>vielleicht verlangt dieses Netz erst eine Anmeldung, oder ein Proxy ist im Weg</translation>
    </message>
    <message>
      <source>the registry, or something between you and it, is broken or hostile</source>
      <translation>die Registry oder etwas auf dem Weg dorthin ist defekt oder feindlich</translation>
    </message>
    <message>
      <source>a stored layer is damaged</source>
      <translation>eine gespeicherte Schicht ist beschädigt</translation>
    </message>
    <message>
      <source>a stored manifest is damaged</source>
      <translation>ein gespeichertes Manifest ist beschädigt</translation>
    </message>
    <message>
      <source>a stored config is damaged</source>
      <translation>eine gespeicherte Konfiguration ist beschädigt</translation>
    </message>
    <message>
      <source>a file of the model is missing: {name}</source>
      <translation>eine Datei des Modells fehlt: {name}</translation>
    </message>
    <message>
      <source>a file of the model is missing</source>
      <translation>eine Datei des Modells fehlt</translation>
    </message>
    <message>
      <source>remove the model and pull it again</source>
      <translation>lösche das Modell und lade es neu herunter</translation>
    </message>
    <message>
      <source>pull the model again</source>
      <translation>lade das Modell neu herunter</translation>
    </message>
  </context>
  <context>
    <name>SettingsPage</name>
    <message>
      <source>Appearance</source>
      <translation>Aussehen</translation>
    </message>
    <message>
      <source>Like the system</source>
      <translation>Wie das System</translation>
    </message>
    <message>
      <source>Light</source>
      <translation>Hell</translation>
    </message>
    <message>
      <source>Dark</source>
      <translation>Dunkel</translation>
    </message>
    <message>
      <source>High contrast</source>
      <translation>Hoher Kontrast</translation>
    </message>
    <message>
      <source>Language</source>
      <translation>Sprache</translation>
    </message>
    <message>
      <source>Start with my session</source>
      <translation>Mit der Sitzung starten</translation>
    </message>
    <message>
      <source>Add to menu</source>
      <translation>Ins Menü aufnehmen</translation>
    </message>
    <message>
      <source>Add DMR Desktop to the applications menu</source>
      <translation>DMR Desktop ins Anwendungsmenü aufnehmen</translation>
    </message>
    <message>
      <source>Reachable from</source>
      <translation>Erreichbar von</translation>
    </message>
    <message>
      <source>Web pages that may use the models</source>
      <translation>Webseiten, die die Modelle nutzen dürfen</translation>
    </message>
    <message>
      <source>None</source>
      <translation>Keine</translation>
    </message>
    <message>
      <source>These</source>
      <translation>Diese</translation>
    </message>
    <message>
      <source>All</source>
      <translation>Alle</translation>
    </message>
    <message>
      <source>Addresses of the web pages</source>
      <translation>Adressen der Webseiten</translation>
    </message>
    <message>
      <source>Allow</source>
      <translation>Erlauben</translation>
    </message>
    <message>
      <source>Allow these web pages</source>
      <translation>Diese Webseiten erlauben</translation>
    </message>
    <message>
      <source>Container access</source>
      <translation>Zugang für Container</translation>
    </message>
    <message>
      <source>TCP port</source>
      <translation>TCP-Port</translation>
    </message>
    <message>
      <source>Apply</source>
      <translation>Übernehmen</translation>
    </message>
    <message>
      <source>Use this port</source>
      <translation>Diesen Port nehmen</translation>
    </message>
    <message>
      <source>Copy path</source>
      <translation>Pfad kopieren</translation>
    </message>
    <message>
      <source>Copy the path of the models</source>
      <translation>Den Pfad der Modelle kopieren</translation>
    </message>
    <message>
      <source>Copy the path of the socket</source>
      <translation>Den Pfad des Sockets kopieren</translation>
    </message>
    <message>
      <source>1 model</source>
      <translation>1 Modell</translation>
    </message>
    <message>
      <source>{count} models</source>
      <translation>{count} Modelle</translation>
    </message>
    <message>
      <source>Path</source>
      <translation>Pfad</translation>
    </message>
    <message>
      <source>Could not change what starts with the session</source>
      <translation>Es konnte nicht geändert werden, was mit der Sitzung startet</translation>
    </message>
    <message>
      <source>Could not add the app to the menu</source>
      <translation>Die App konnte nicht ins Menü aufgenommen werden</translation>
    </message>
    <message>
      <source>DMR Desktop is in the applications menu</source>
      <translation>DMR Desktop steht im Anwendungsmenü</translation>
    </message>
    <message>
      <source>Check who may write there.</source>
      <translation>Prüfe, wer dort schreiben darf.</translation>
    </message>
    <message>
      <source>Settings</source>
      <translation>Einstellungen</translation>
    </message>
    <message>
      <source>Light, dark or high contrast</source>
      <translation>Hell, dunkel oder hoher Kontrast</translation>
    </message>
    <message>
      <source>From the next start on</source>
      <translation>Ab dem nächsten Start</translation>
    </message>
    <message>
      <source>In the tray, without a window. Off until you turn it on.</source>
      <translation>Im Infobereich, ohne Fenster. Aus, bis du es einschaltest.</translation>
    </message>
    <message>
      <source>This app</source>
      <translation>Diese App</translation>
    </message>
    <message>
      <source>Copy as command</source>
      <translation>Als Befehl kopieren</translation>
    </message>
    <message>
      <source>Web pages</source>
      <translation>Webseiten</translation>
    </message>
    <message>
      <source>Programs made for Docker Model Runner expect 12434.</source>
      <translation>Programme für Docker Model Runner erwarten 12434.</translation>
    </message>
    <message>
      <source>Who can use the models</source>
      <translation>Wer die Modelle nutzen kann</translation>
    </message>
    <message>
      <source>Unix socket</source>
      <translation>Unix-Socket</translation>
    </message>
    <message>
      <source>Version {version}. Apache License 2.0. Uses Qt under the LGPL. No telemetry.</source>
      <translation>Version {version}. Apache-Lizenz 2.0. Nutzt Qt unter der LGPL. Keine Telemetrie.</translation>
    </message>
    <message>
      <source>Storage and version</source>
      <translation>Speicherort und Version</translation>
    </message>
    <message>
      <source>Models</source>
      <translation>Modelle</translation>
    </message>
    <message>
      <source>About</source>
      <translation>Über</translation>
    </message>
  </context>
  <context>
    <name>Snippets</name>
    <message>
      <source>For n8n on this computer. Any key will do; “Use Responses API” may be on or off.</source>
      <translation>Für n8n auf diesem Rechner. Jeder Schlüssel geht, mit „Use Responses API“ und ohne.</translation>
    </message>
    <message>
      <source>For n8n in a container. On Linux containers need container access, see Settings.</source>
      <translation>Für n8n in einem Container. Unter Linux brauchen Container den Zugang für Container, siehe Einstellungen.</translation>
    </message>
    <message>
      <source>config.yaml, then: litellm --config config.yaml. Ask for the model “local” on port 4000.</source>
      <translation>config.yaml, dann: litellm --config config.yaml. Das Modell heißt „local“, auf Port 4000.</translation>
    </message>
    <message>
      <source>agent.yaml, then: docker agent run agent.yaml</source>
      <translation>agent.yaml, dann: docker agent run agent.yaml</translation>
    </message>
    <message>
      <source>In a terminal; then open http://localhost:3000. On Linux containers need container access.</source>
      <translation>In einem Terminal; dann http://localhost:3000 öffnen. Unter Linux brauchen Container den Zugang für Container.</translation>
    </message>
    <message>
      <source>In Olla's config.yaml. The type must be named: “auto” would take it for Ollama.</source>
      <translation>In Ollas config.yaml. Der Typ muss dastehen: „auto“ hielte es für Ollama.</translation>
    </message>
    <message>
      <source>pip install ollama, or set OLLAMA_HOST.</source>
      <translation>pip install ollama, oder OLLAMA_HOST setzen.</translation>
    </message>
    <message>
      <source>In a terminal, over TCP.</source>
      <translation>In einem Terminal, über TCP.</translation>
    </message>
    <message>
      <source>In a terminal, over the Unix socket: works while TCP host access is off.</source>
      <translation>In einem Terminal, über den Unix-Socket: geht auch, wenn der TCP-Zugang aus ist.</translation>
    </message>
  </context>
  <context>
    <name>Sparkline</name>
    <message>
      <source>{value} · {time} ago</source>
      <translation>{value} · vor {time}</translation>
    </message>
  </context>
  <context>
    <name>TcpCard</name>
    <message>
      <source>TCP host access</source>
      <translation>TCP-Zugang</translation>
    </message>
    <message>
      <source>Copy URL</source>
      <translation>URL kopieren</translation>
    </message>
    <message>
      <source>Copy the base URL</source>
      <translation>Die Basis-URL kopieren</translation>
    </message>
    <message>
      <source>Copy as command</source>
      <translation>Als Befehl kopieren</translation>
    </message>
  </context>
  <context>
    <name>TrayMenu</name>
    <message>
      <source>Open panel</source>
      <translation>Fenster öffnen</translation>
    </message>
    <message>
      <source>Start service</source>
      <translation>Dienst starten</translation>
    </message>
    <message>
      <source>No model loaded</source>
      <translation>Kein Modell geladen</translation>
    </message>
    <message>
      <source>Copy base URL</source>
      <translation>Basis-URL kopieren</translation>
    </message>
    <message>
      <source>Quit tray (keep service running)</source>
      <translation>App beenden (der Dienst läuft weiter)</translation>
    </message>
    <message>
      <source>Quit and stop service</source>
      <translation>Beenden und Dienst anhalten</translation>
    </message>
    <message>
      <source>TCP host access ({address})</source>
      <translation>TCP-Zugang ({address})</translation>
    </message>
    <message>
      <source>not open</source>
      <translation>nicht offen</translation>
    </message>
    <message>
      <source>off</source>
      <translation>aus</translation>
    </message>
    <message>
      <source>Unload</source>
      <translation>Entladen</translation>
    </message>
    <message>
      <source>Copy model name</source>
      <translation>Modellnamen kopieren</translation>
    </message>
    <message>
      <source>Appearance</source>
      <translation>Aussehen</translation>
    </message>
    <message>
      <source>Like the system</source>
      <translation>Wie das System</translation>
    </message>
    <message>
      <source>Light</source>
      <translation>Hell</translation>
    </message>
    <message>
      <source>Dark</source>
      <translation>Dunkel</translation>
    </message>
    <message>
      <source>High contrast</source>
      <translation>Hoher Kontrast</translation>
    </message>
  </context>
  <context>
    <name>Trial</name>
    <message>
      <source>Nothing came for {count} minutes. Load the model first, on the Models page.</source>
      <translation>Seit {count} Minuten kam nichts. Lade zuerst das Modell, auf der Seite Modelle.</translation>
    </message>
  </context>
  <context>
    <name>Welcome</name>
    <message>
      <source>Copy path</source>
      <translation>Pfad kopieren</translation>
    </message>
    <message>
      <source>Copy the path of the models</source>
      <translation>Den Pfad der Modelle kopieren</translation>
    </message>
    <message>
      <source>2. Let programs on this computer use them</source>
      <translation>2. Programme auf diesem Rechner zulassen</translation>
    </message>
    <message>
      <source>Chat with the demo model</source>
      <translation>Mit dem Demo-Modell chatten</translation>
    </message>
    <message>
      <source>Skip</source>
      <translation>Überspringen</translation>
    </message>
    <message>
      <source>Skip the first steps</source>
      <translation>Die ersten Schritte überspringen</translation>
    </message>
    <message>
      <source>Path</source>
      <translation>Pfad</translation>
    </message>
    <message>
      <source>{path} · {size} free</source>
      <translation>{path} · {size} frei</translation>
    </message>
    <message>
      <source>Pull {model} ({size})</source>
      <translation>{model} holen ({size})</translation>
    </message>
    <message>
      <source>Language models on this computer, for all your programs. Three steps:</source>
      <translation>Sprachmodelle auf diesem Rechner, für alle deine Programme. Drei Schritte:</translation>
    </message>
    <message>
      <source>1. Models are kept here</source>
      <translation>1. Hier liegen die Modelle</translation>
    </message>
    <message>
      <source>3. Get a first answer</source>
      <translation>3. Eine erste Antwort</translation>
    </message>
    <message>
      <source>The demo model is tiny and only shows that all works. A real one is pulled once.</source>
      <translation>Das Demo-Modell ist winzig und zeigt nur, dass alles geht. Ein richtiges wird einmal geholt.</translation>
    </message>
  </context>
  <context>
    <name>Wording</name>
    <message>
      <source>local network</source>
      <translation>lokales Netz</translation>
    </message>
    <message>
      <source>Not known while the service does not run.</source>
      <translation>Unbekannt, solange der Dienst nicht läuft.</translation>
    </message>
    <message>
      <source>Programs on this computer can reach {url}</source>
      <translation>Programme auf diesem Rechner erreichen {url}</translation>
    </message>
    <message>
      <source>Off: only this app, the dmr command and programs that use the socket can reach the models.</source>
      <translation>Aus: Nur diese App, der Befehl dmr und Programme am Socket erreichen die Modelle.</translation>
    </message>
    <message>
      <source>The local network can reach it too, with the API key.</source>
      <translation>Mit dem API-Schlüssel geht es auch aus dem lokalen Netz.</translation>
    </message>
    <message>
      <source>The local network is to reach it too, but does not.</source>
      <translation>Das lokale Netz soll sie auch erreichen, tut es aber nicht.</translation>
    </message>
    <message>
      <source>Machines of the local network that have the API key can use everything here: {where}</source>
      <translation>Rechner im lokalen Netz, die den API-Schlüssel haben, können hier alles nutzen: {where}</translation>
    </message>
    <message>
      <source>Other machines cannot reach the models.</source>
      <translation>Andere Rechner erreichen die Modelle nicht.</translation>
    </message>
    <message>
      <source>Any web page that is open in a browser here can use the models while TCP host access is on.</source>
      <translation>Jede Webseite, die hier in einem Browser offen ist, kann die Modelle nutzen, solange der TCP-Zugang an ist.</translation>
    </message>
    <message>
      <source>These web pages can use the models while TCP host access is on; pages of this computer always can.</source>
      <translation>Diese Webseiten können die Modelle nutzen, solange der TCP-Zugang an ist; Seiten dieses Rechners können es immer.</translation>
    </message>
    <message>
      <source>Only pages that come from this computer can use the models, while TCP host access is on.</source>
      <translation>Nur Seiten dieses Rechners können die Modelle nutzen, solange der TCP-Zugang an ist.</translation>
    </message>
    <message>
      <source>Containers on this computer can use and list models, and nothing else: {where}</source>
      <translation>Container auf diesem Rechner können Modelle nutzen und auflisten, sonst nichts: {where}</translation>
    </message>
    <message>
      <source>Off: containers on this computer cannot reach the models.</source>
      <translation>Aus: Container auf diesem Rechner erreichen die Modelle nicht.</translation>
    </message>
    <message>
      <source>Stopped</source>
      <translation>Angehalten</translation>
    </message>
    <message>
      <source>Starting</source>
      <translation>Startet</translation>
    </message>
    <message>
      <source>Ready</source>
      <translation>Bereit</translation>
    </message>
    <message>
      <source>Busy</source>
      <translation>Beschäftigt</translation>
    </message>
    <message>
      <source>Pulling</source>
      <translation>Holt</translation>
    </message>
    <message>
      <source>Attention</source>
      <translation>Achtung</translation>
    </message>
    <message>
      <source>Connecting to the service…</source>
      <translation>Verbindung zum Dienst…</translation>
    </message>
    <message>
      <source>Starting the service…</source>
      <translation>Der Dienst startet…</translation>
    </message>
    <message>
      <source>The service is stopped</source>
      <translation>Der Dienst ist angehalten</translation>
    </message>
    <message>
      <source>The service does not run</source>
      <translation>Der Dienst läuft nicht</translation>
    </message>
    <message>
      <source>Loading {model}…</source>
      <translation>{model} wird geladen…</translation>
    </message>
    <message>
      <source>port {port} open to the local network</source>
      <translation>Port {port} offen für das lokale Netz</translation>
    </message>
    <message>
      <source>port {port} open</source>
      <translation>Port {port} offen</translation>
    </message>
    <message>
      <source>Not loaded</source>
      <translation>Nicht geladen</translation>
    </message>
    <message>
      <source>Loading…</source>
      <translation>Wird geladen…</translation>
    </message>
    <message>
      <source>Unloading…</source>
      <translation>Wird entladen…</translation>
    </message>
    <message>
      <source>Loaded</source>
      <translation>Geladen</translation>
    </message>
    <message>
      <source>Failed</source>
      <translation>Gescheitert</translation>
    </message>
    <message>
      <source>{size} on the GPU</source>
      <translation>{size} auf der GPU</translation>
    </message>
    <message>
      <source>failed</source>
      <translation>gescheitert</translation>
    </message>
    <message>
      <source>loading…</source>
      <translation>wird geladen…</translation>
    </message>
    <message>
      <source>unloading…</source>
      <translation>wird entladen…</translation>
    </message>
    <message>
      <source>stays loaded</source>
      <translation>bleibt geladen</translation>
    </message>
    <message>
      <source>unloads in {time}</source>
      <translation>wird in {time} entladen</translation>
    </message>
    <message>
      <source>context {count}</source>
      <translation>Kontext {count}</translation>
    </message>
    <message>
      <source>Asking the registry…</source>
      <translation>Frage an die Registry…</translation>
    </message>
    <message>
      <source>{time} left</source>
      <translation>noch {time}</translation>
    </message>
    <message>
      <source>nothing arrives at the moment</source>
      <translation>gerade kommt nichts an</translation>
    </message>
    <message>
      <source>The registry says nothing about this name.</source>
      <translation>Die Registry sagt nichts zu diesem Namen.</translation>
    </message>
    <message>
      <source>needs about {size} with context {count}</source>
      <translation>braucht etwa {size} mit Kontext {count}</translation>
    </message>
    <message>
      <source>too large for the disk: {size} free</source>
      <translation>zu groß für den Datenträger: {size} frei</translation>
    </message>
    <message>
      <source>too large for this computer's memory</source>
      <translation>zu groß für den Speicher dieses Rechners</translation>
    </message>
    <message>
      <source>fits in memory when other programs are closed</source>
      <translation>passt in den Speicher, wenn andere Programme geschlossen sind</translation>
    </message>
    <message>
      <source>fits in memory</source>
      <translation>passt in den Speicher</translation>
    </message>
    <message>
      <source>no request running</source>
      <translation>keine Anfrage läuft</translation>
    </message>
    <message>
      <source>{count} GPUs, the busiest shown</source>
      <translation>{count} GPUs, gezeigt ist die am meisten genutzte</translation>
    </message>
    <message>
      <source>shared with the system</source>
      <translation>mit dem System geteilt</translation>
    </message>
    <message>
      <source>models use {size}</source>
      <translation>Modelle belegen {size}</translation>
    </message>
    <message>
      <source>{size} free</source>
      <translation>{size} frei</translation>
    </message>
    <message>
      <source>No GPU found: models run on the CPU</source>
      <translation>Keine GPU: Modelle laufen auf der CPU</translation>
    </message>
    <message>
      <source>{names} do not answer any more: models run without them</source>
      <translation>{names} antworten nicht mehr: Modelle laufen ohne sie</translation>
    </message>
    <message>
      <source>{name} does not answer any more: models run without it</source>
      <translation>{name} antwortet nicht mehr: Modelle laufen ohne sie</translation>
    </message>
    <message>
      <source>Reload the driver (sudo modprobe -r nvidia_uvm &amp;&amp; sudo modprobe nvidia_uvm) or restart the computer. NVreg_PreserveVideoMemoryAllocations=1 lets it outlast a sleep.</source>
      <translation>Lade den Treiber neu (sudo modprobe -r nvidia_uvm &amp;&amp; sudo modprobe nvidia_uvm) oder starte den Rechner neu. Mit NVreg_PreserveVideoMemoryAllocations=1 übersteht er den Ruhezustand.</translation>
    </message>
    <message>
      <source>If the card was not unplugged, restart the computer.</source>
      <translation>Wenn die Karte nicht abgezogen wurde, starte den Rechner neu.</translation>
    </message>
    <message>
      <source>no model in memory</source>
      <translation>kein Modell im Speicher</translation>
    </message>
    <message>
      <source>Running</source>
      <translation>Läuft</translation>
    </message>
    <message>
      <source>Done</source>
      <translation>Fertig</translation>
    </message>
    <message>
      <source>Cancelled</source>
      <translation>Abgebrochen</translation>
    </message>
    <message>
      <source>first token after {time}</source>
      <translation>erstes Token nach {time}</translation>
    </message>
    <message>
      <source>no model loaded</source>
      <translation>kein Modell geladen</translation>
    </message>
    <message>
      <source>1 model loaded</source>
      <translation>1 Modell geladen</translation>
    </message>
    <message>
      <source>{count} models loaded</source>
      <translation>{count} Modelle geladen</translation>
    </message>
    <message>
      <source>Pulling {model}</source>
      <translation>Hole {model}</translation>
    </message>
    <message>
      <source>{count} more</source>
      <translation>{count} weitere</translation>
    </message>
    <message>
      <source>1 request running</source>
      <translation>1 Anfrage läuft</translation>
    </message>
    <message>
      <source>{count} requests running</source>
      <translation>{count} Anfragen laufen</translation>
    </message>
    <message>
      <source>{rate} tokens/s</source>
      <translation>{rate} Token/s</translation>
    </message>
  </context>
</TS>

"""The one style sheet on top of Qt's Fusion: borders, radii, states. Sizes of text come from ``scaled_font``."""

from dmr_desktop.desktop.tokens import Tokens
from dmr_desktop.settings import asset

_CHEVRON = asset("icons/chevron.svg").as_posix()
_CLEAR = asset("icons/clear.svg").as_posix()


def style_sheet(tokens: Tokens) -> str:
    t = tokens
    off = "dashed" if t.line == t.text else "solid"  # high contrast has no paler border to say it with
    return f"""
#side {{ background: {t.side}; border: 0; border-right: 1px solid {t.line}; }}
#nav {{ background: transparent; border: 0; outline: 0; }}
#nav::item {{ padding: 0 12px; border: 1px solid transparent; border-radius: 8px; color: {t.text}; }}
#nav::item:hover {{ background: {t.hover}; }}
#nav::item:selected {{ background: {t.selected}; color: {t.text}; }}
#nav::item:focus {{ border: 1px solid {t.accent}; }}
#programs {{ background: transparent; border: 0; outline: 0; }}
#programs::item {{ padding: 7px 12px; border: 1px solid transparent; border-radius: 8px; color: {t.text}; }}
#programs::item:hover {{ background: {t.hover}; }}
#programs::item:selected {{ background: {t.selected}; color: {t.text}; }}
#programs::item:focus {{ border: 1px solid {t.accent}; }}
QScrollArea, #page {{ background: transparent; border: 0; }}
QFrame[card="true"] {{ background: {t.card}; border: 1px solid {t.line}; border-radius: 12px; }}
QLabel {{ background: transparent; }}
QLabel[tone="dim"] {{ color: {t.dim}; }}
QLabel[tone="ok"] {{ color: {t.ok}; }}
QLabel[tone="error"] {{ color: {t.error}; }}
QLabel[pill] {{ border-radius: 8px; }}
QLabel[pill="ok"] {{ color: {t.ok}; background: {t.ok_soft}; }}
QLabel[pill="warn"] {{ color: {t.warn}; background: {t.warn_soft}; }}
QLabel[pill="error"] {{ color: {t.error}; background: {t.error_soft}; }}
QLabel[pill="accent"] {{ color: {t.accent_text}; background: {t.selected}; }}
QLabel[pill="dim"] {{ color: {t.dim}; background: {t.hover if t.is_dark else t.side}; }}
QFrame[bubble="user"] {{ background: {t.selected}; border: 0; border-radius: 12px; }}
QFrame[bubble="assistant"] {{ background: {t.card}; border: 1px solid {t.line}; border-radius: 12px; }}
QFrame[bubble] QTextBrowser {{ background: transparent; border: 0; color: {t.text};
  selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
QFrame[banner] {{ border-radius: 12px; border: 1px solid {t.line}; }}
QFrame[banner="error"] {{ background: {t.error_soft}; border-color: {t.error}; }}
QFrame[banner="ok"] {{ background: {t.ok_soft}; border-color: {t.ok}; }}
QFrame[banner="warn"] {{ background: {t.warn_soft}; border-color: {t.warn}; }}
QPushButton {{ padding: 6px 14px; min-height: 16px; border: 1px solid {t.line}; border-radius: 8px;
  background: {t.card}; color: {t.text}; }}
QPushButton:hover {{ border-color: {t.accent}; }}
QPushButton:pressed {{ background: {t.hover}; }}
QPushButton:focus {{ border: 2px solid {t.accent}; padding: 5px 13px; }}
QPushButton:checked {{ background: {t.selected}; border-color: {t.accent}; }}
QPushButton:disabled {{ color: {t.off}; background: {t.window}; border-color: {t.line};
  border-style: {off}; }}
QPushButton[kind="primary"] {{ background: {t.accent}; color: {t.on_accent}; border-color: {t.accent}; }}
QPushButton[kind="primary"]:focus {{ border-color: {t.text}; }}
QPushButton[kind="primary"]:disabled {{ background: {t.hover}; color: {t.off}; border-color: {t.hover}; }}
QPushButton[kind="danger"] {{ color: {t.error}; }}
QPushButton[kind="danger"]:disabled {{ color: {t.off}; }}
QPushButton[kind="flat"] {{ background: transparent; border-color: transparent; text-align: left; padding: 6px 10px; }}
QPushButton[kind="flat"]:hover {{ background: {t.hover}; }}
QPushButton[kind="flat"]:focus {{ border: 2px solid {t.accent}; padding: 5px 9px; }}
QPushButton[kind="icon"] {{ background: transparent; border-color: transparent; padding: 3px; }}
QPushButton[kind="icon"]:hover {{ border-color: {t.dim}; }}
QPushButton[kind="icon"]:focus {{ border: 2px solid {t.accent}; padding: 2px; }}
QPushButton[kind="side"] {{ background: transparent; border-color: transparent; text-align: left; padding: 8px 16px; }}
QPushButton[kind="side"]:hover {{ background: {t.hover}; }}
QPushButton[kind="side"]:focus {{ border: 2px solid {t.accent}; padding: 7px 15px; }}
QLineEdit, QComboBox {{ padding: 6px 10px; min-height: 16px; border: 1px solid {t.line}; border-radius: 8px;
  background: {t.card}; color: {t.text}; selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
QLineEdit {{ padding: 6px 8px; lineedit-clear-button-icon: url("{_CLEAR}"); }}
QLineEdit, QPlainTextEdit {{ placeholder-text-color: {t.dim}; }}
QComboBox:focus {{ border: 2px solid {t.accent}; padding: 5px 9px; }}
QLineEdit:focus {{ border: 2px solid {t.accent}; padding: 5px 7px; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox::drop-down {{ border: 0; width: 26px; }}
QComboBox::down-arrow {{ image: url("{_CHEVRON}"); width: 14px; height: 14px; }}
QComboBox QAbstractItemView {{ background: {t.card}; border: 1px solid {t.line}; color: {t.text};
  selection-background-color: {t.selected}; selection-color: {t.text}; outline: 0; padding: 4px; }}
QComboBox QAbstractItemView::item {{ padding: 5px 8px; border-radius: 6px; color: {t.text}; }}
QComboBox QAbstractItemView::item:selected {{ background: {t.selected}; }}
QTableView {{ background: transparent; border: 0; outline: 0; color: {t.text};
  selection-background-color: {t.selected}; selection-color: {t.text}; }}
QTableView::item {{ padding: 0 14px; border: 0; border-bottom: 1px solid {t.line}; }}
QTableView::item:selected {{ background: {t.selected}; color: {t.text}; }}
QHeaderView {{ background: transparent; border: 0; }}
QHeaderView::section {{ background: transparent; border: 0; border-bottom: 1px solid {t.line}; padding: 9px 17px;
  color: {t.dim}; }}
QProgressBar {{ border: 0; border-radius: 4px; background: {t.hover}; min-height: 8px; max-height: 8px; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: 4px; }}
QPlainTextEdit {{ background: {t.window}; border: 1px solid {t.line}; border-radius: 8px; padding: 8px; color: {t.text};
  selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
#log {{ background: {t.card}; border-radius: 12px; }}
QPlainTextEdit:focus {{ border-color: {t.accent}; }}
QFileDialog QListView, QFileDialog QTreeView {{ background: {t.card}; border: 1px solid {t.line}; border-radius: 8px;
  padding: 4px; color: {t.text}; outline: 0; selection-background-color: {t.selected}; selection-color: {t.text}; }}
QFileDialog QListView::item, QFileDialog QTreeView::item {{ padding: 3px 2px; }}
QFileDialog QToolButton {{ border: 1px solid transparent; border-radius: 8px; padding: 5px; background: transparent; }}
QFileDialog QToolButton:hover, QFileDialog QToolButton:checked {{ background: {t.hover}; border-color: {t.line}; }}
QFileDialog QToolButton:focus {{ border-color: {t.accent}; }}
QTabBar {{ background: transparent; border: 0; }}
QTabBar::tab {{ padding: 7px 14px; margin-right: 4px; border: 1px solid transparent; border-radius: 8px; color: {t.dim};
  background: transparent; }}
QTabBar::tab:hover {{ background: {t.hover}; }}
QTabBar::tab:selected {{ background: {t.selected}; color: {t.text}; }}
QTabBar:focus::tab:selected {{ border-color: {t.accent}; }}
#qt_msgbox_label {{ font-weight: 600; padding: 6px 12px 0 0; }}
#qt_msgbox_informativelabel {{ min-width: 340px; padding: 0 12px 8px 1px; color: {t.dim}; }}
QMenu {{ background: {t.card}; border: 1px solid {t.line}; padding: 5px; color: {t.text}; }}
QMenu::item {{ padding: 6px 22px 6px 12px; border-radius: 6px; }}
QMenu::item:selected {{ background: {t.selected}; color: {t.text}; }}
QMenu::item:disabled {{ color: {t.off}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: 5px 6px; }}
QMenu::indicator {{ width: 14px; height: 14px; left: 6px; }}
QToolTip {{ background: {t.card}; color: {t.text}; border: 1px solid {t.line}; padding: 4px; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 2px; }}
QScrollBar::handle:vertical {{ background: {t.line}; border-radius: 3px; min-height: 28px; }}
QScrollBar::handle:vertical:hover {{ background: {t.dim}; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 2px; }}
QScrollBar::handle:horizontal {{ background: {t.line}; border-radius: 3px; min-width: 28px; }}
QScrollBar::handle:horizontal:hover {{ background: {t.dim}; }}
QSplitter::handle {{ background: transparent; }}
QScrollBar::add-line, QScrollBar::sub-line,
QScrollBar::add-page, QScrollBar::sub-page {{ height: 0; background: none; }}
"""

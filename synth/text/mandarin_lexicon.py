"""Mandarin words whose pronunciation no rule gives: neutral tones, the suffix 儿 as a syllable, readings in context.

The neutral tones are those of the word list for the standard Mandarin proficiency test
(普通话水平测试用必读轻声词语表) and a few that everybody says so; words that `pypinyin` knows with a
neutral tone need no entry.
"""

from __future__ import annotations


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


NEUTRAL = _listed("""
爱人 案子 巴掌 把子 白净 班子 板子 帮手 梆子 膀子 棒槌 包袱 包涵 包子 豹子 杯子 被子 本事 本子 鼻子 比方 鞭子 扁担
辫子 别扭 饼子 拨弄 簸箕 补丁 不由得 不在乎 步子 部分 裁缝 财主 苍蝇 差事 柴火 肠子 厂子 场子 车子 称呼 池子 尺子
虫子 绸子 除了 锄头 畜生 窗户 窗子 锤子 刺猬 凑合 村子 耷拉 答应 打扮 打点 打发 打量 打算 打听 大方 大爷 大夫 带子
袋子 耽搁 耽误 单子 胆子 担子 刀子 道士 稻子 灯笼 提防 笛子 底子 地道 地方 弟弟 弟兄 点心 调子 钉子 东家 东西 动静
动弹 豆腐 豆子 嘟囔 肚子 缎子 对付 对头 队伍 多么 蛾子 儿子 耳朵 贩子 房子 份子 风筝 疯子 福气 斧子 盖子 甘蔗 杆子
干事 杠子 高粱 膏药 稿子 告诉 疙瘩 哥哥 胳膊 鸽子 格子 个子 根子 跟头 工夫 弓子 公公 功夫 钩子 姑姑 姑娘 谷子 骨头
故事 寡妇 褂子 怪物 关系 官司 罐头 罐子 规矩 闺女 鬼子 柜子 棍子 锅子 果子 蛤蟆 孩子 含糊 汉子 行当 合同 和尚 核桃
盒子 红火 猴子 后头 厚道 狐狸 胡琴 糊涂 皇上 幌子 胡萝卜 活泼 火候 伙计 护士 机灵 脊梁 记号 记性 夹子 家伙 架势 架子
嫁妆 尖子 茧子 剪子 见识 毽子 将就 交情 饺子 叫唤 轿子 结实 街坊 姐夫 姐姐 戒指 金子 精神 镜子 舅舅 橘子 句子 卷子
咳嗽 客气 空子 口袋 口子 扣子 窟窿 裤子 快活 筷子 框子 困难 阔气 喇叭 喇嘛 篮子 懒得 浪头 老婆 老实 老太太 老头子
老爷 老子 姥姥 累赘 篱笆 里头 力气 厉害 利落 利索 例子 栗子 痢疾 连累 帘子 凉快 粮食 两口子 料子 林子 翎子 领子 溜达
聋子 笼子 炉子 路子 轮子 萝卜 骡子 骆驼 妈妈 麻烦 麻利 麻子 马虎 码头 买卖 麦子 馒头 忙活 冒失 帽子 眉毛 媒人 妹妹
门道 眯缝 迷糊 面子 苗条 苗头 名堂 名字 明白 蘑菇 模糊 木匠 木头 那么 奶奶 难为 脑袋 脑子 能耐 你们 念叨 念头 娘家
镊子 奴才 女婿 暖和 疟疾 拍子 牌楼 牌子 盘算 盘子 胖子 狍子 盆子 朋友 棚子 脾气 皮子 痞子 屁股 片子 便宜 骗子 票子
漂亮 瓶子 婆家 婆婆 铺盖 欺负 旗子 前头 钳子 茄子 亲戚 勤快 清楚 亲家 曲子 圈子 拳头 裙子 热闹 人家 人们 认识 日子
褥子 塞子 嗓子 嫂子 扫帚 沙子 傻子 扇子 商量 晌午 上司 上头 烧饼 勺子 少爷 哨子 舌头 身子 什么 婶子 生意 牲口 绳子
师父 师傅 虱子 狮子 石匠 石榴 石头 时候 实在 拾掇 使唤 世故 似的 事情 柿子 收成 收拾 首饰 叔叔 梳子 舒服 舒坦 疏忽
爽快 思量 算计 岁数 孙子 他们 它们 她们 台子 太太 摊子 坛子 毯子 桃子 特务 梯子 蹄子 挑剔 挑子 条子 跳蚤 铁匠 亭子
头发 头子 兔子 妥当 唾沫 挖苦 娃娃 袜子 晚上 尾巴 委屈 为了 位置 位子 蚊子 稳当 我们 屋子 稀罕 席子 媳妇 喜欢 瞎子
匣子 下巴 吓唬 先生 乡下 箱子 相声 消息 小气 小子 笑话 谢谢 心思 星星 猩猩 行李 性子 兄弟 休息 秀才 秀气 袖子 靴子
学生 学问 丫头 鸭子 衙门 哑巴 胭脂 烟筒 眼睛 燕子 秧歌 养活 样子 吆喝 妖精 钥匙 椰子 爷爷 叶子 一辈子 衣服 衣裳 椅子
意思 银子 影子 应酬 柚子 冤枉 院子 月饼 月亮 云彩 运气 在乎 咱们 早上 怎么 扎实 眨巴 栅栏 宅子 寨子 张罗 丈夫 帐篷
丈人 帐子 招呼 招牌 折腾 这个 这么 枕头 芝麻 知识 侄子 指甲 指头 种子 珠子 竹子 主意 主子 柱子 爪子 转悠 庄稼 庄子
壮实 状元 锥子 桌子 字号 自在 粽子 祖宗 嘴巴 作坊 琢磨 做作 爸爸 包涵 报酬 玻璃 葡萄 琵琶 枇杷 菩萨 喽啰 邋遢 蜡烛
牢骚 逻辑 咖喱 吉他 凤凰 蚂蚱 泥鳅 荒唐 喉咙 吩咐 惦记 倒腾 寒碜 糟蹋 盘缠 出息 刺激 分析 父亲 母亲 介绍 熟悉 计划
幸福 照顾 费用 报复 知道 佩服 体面 主意 冷战 丧气 匀称 咕噜 扑腾 甜头 弄堂 扫把 那个 哪个 馄饨 鸳鸯 铃铛 姥爷 下水
两口 冤家 利害 云彩 顺当 牙碜 应承 硬朗 东边 西边 南边 北边 薄荷 胡同 暖和
""")
"""The last syllable of these words, and of words that end in them, has the neutral tone."""

FULL_LAST = _listed("""
男子 女子 分子 原子 量子 电子 质子 中子 光子 粒子 核子 莲子 石子 瓜子 学子 卵子 精子 孢子 算子 因子 君子 才子 弟子
王子 公子 太子 天子 父子 母子 游子 浪子 赤子 孝子 逆子 离子 棋子 松子 孔子 孟子 荀子 墨子 韩非子 独生子 臣子 亲子
次子 长子 义子 养子 人人 虎虎 幺幺 干嘛 哈哈 数数 袅袅 以下 以上 娃哈哈 花花草草 想想 熙熙 攘攘 死死 冉冉 恳恳 佼佼
吵吵 打打 考考 整整 莘莘 家家户户 青青 天下 地下 手下 皮下 世上 北上 南下 之上 之下 之里 公里 海里 英里 千里 万里
邻里 故里 往来 未来 从来
""")
"""Words whose last syllable keeps its tone although a rule for 子, 上, 里, 下 or reduplication would take it."""

ER_SYLLABLE = _listed("""
女儿 男儿 婴儿 幼儿 孤儿 患儿 少儿 侄儿 孙儿 侄孙儿 妻儿 乞儿 聋儿 胎儿 健儿 弃儿 宠儿 小儿 育儿 托儿 婴幼儿 混血儿
连体儿 脑瘫儿 流浪儿 体弱儿 低能儿 红孩儿 蜜雪儿 为儿 护儿 救儿 替儿 有儿 我儿 俺儿 花儿 虫儿 马儿 鸟儿 猪儿 猫儿
狗儿 可儿 祖儿 美儿 新生儿 早产儿 幸运儿
""")
"""Words in which 儿 is a syllable of its own, not the retroflex ending."""
ER_ENDING = _listed("小院儿 胡同儿 范儿 老汉儿 撒欢儿 媳妇儿 妥妥儿")
"""Names by their tag, and yet with the retroflex ending."""

READINGS: dict[str, str] = {
    "重做": "chong2 zuo4", "重写": "chong2 xie3", "重来": "chong2 lai2", "重启": "chong2 qi3", "重播": "chong2 bo1",
    "重装": "chong2 zhuang1", "重修": "chong2 xiu1", "重拍": "chong2 pai1", "长得": "zhang3 de5", "数数": "shu3 shu4",
    "系上": "ji4 shang4", "得亏": "dei3 kui1", "朝鲜": "chao2 xian3", "空闲": "kong4 xian2", "看家": "kan1 jia1",
    "看门": "kan1 men2", "看守": "kan1 shou3", "看护": "kan1 hu4", "倒了": "dao3 le5", "倒数": "dao4 shu3",
    "打量": "da3 liang5", "还书": "huan2 shu1", "唉": "ai4", "嘚瑟": "de4 se5", "中标": "zhong4 biao1",
    "大夫": "dai4 fu5", "便宜": "pian2 yi5", "头发": "tou2 fa5", "曾国藩": "zeng1 guo2 fan1", "角色": "jue2 se4",
    "得失": "de2 shi1", "转悠": "zhuan4 you5", "扎实": "zha1 shi5", "行当": "hang2 dang5", "作坊": "zuo1 fang5",
    "露背": "lu4 bei4", "弹力": "tan2 li4", "柏树": "bai3 shu4", "骨头": "gu3 tou5", "抹布": "ma1 bu4",
    "识字": "shi2 zi4", "散心": "san4 xin1", "落下": "luo4 xia4", "一撇": "yi4 pie3", "嚷嚷": "rang1 rang5",
    "咖喱": "ga1 li5", "阿胶": "e1 jiao1", "提防": "di1 fang5", "处处": "chu4 chu4", "种种": "zhong3 zhong3",
    "数一数": "shu3 yi5 shu3", "量一量": "liang2 yi5 liang2", "差不多": "cha4 bu5 duo1", "暖和": "nuan3 huo5",
    "呕吐": "ou3 tu4", "薄荷": "bo4 he5", "着数": "zhao1 shu4", "重重": "chong2 chong2", "长长": "chang2 chang2",
    "只只": "zhi1 zhi1", "行行": "hang2 hang2",
}  # fmt: skip
"""Word -> syllables, where the dictionary is wrong or has no entry."""

ALONE = {
    "长": "chang2", "教": "jiao1", "还": "hai2", "粘": "zhan1", "都": "dou1", "嚼": "jiao2", "薄": "bao2",
    "钥": "yao4",
}  # fmt: skip
"""Character -> its reading outside the words of the dictionary, where the dictionary's own default is rare."""

COUNTED = {"只": "zhi1", "行": "hang2", "种": "zhong3"}
"""Measure words -> their reading after a numeral."""
NUMERALS = frozenset("零一二三四五六七八九十百千万亿两几半数")
